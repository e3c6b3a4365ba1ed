// `/wake/{name}?to=URL`: wakes the VM and a container, shows how far it is, and then goes to the URL.

import { isApiError, type OnDemandClient } from '@ondemand/client';
import { useEffect, useState } from 'preact/hooks';
import type { Live, Seen } from './live.ts';
import { useNow, useSeen } from './use-live.ts';
import { toDestination, type WakeTarget } from './wake-target.ts';
import { toDuration } from './words.ts';

export interface WakePageProps {
  readonly live: Live;
  readonly target: WakeTarget;
  readonly returnOrigins: readonly string[];
}

const stages = [
  ['vm', 'Oracle starts oci-flex'],
  ['ssh', 'Its system boots'],
  ['docker', 'Docker starts'],
  ['container', 'The container starts'],
] as const;
type Stage = (typeof stages)[number][0];

export function WakePage({ live, target, returnOrigins }: WakePageProps) {
  const seen = useSeen(live);
  const nowMs = useNow();
  const [startMs] = useState(Date.now);
  const [problem, setProblem] = useState<string>();
  const [isUp, setUp] = useState(false);
  const destination = toDestination(target.to, returnOrigins);
  const isKnown = seen.whoami !== undefined;

  useEffect(() => {
    if (!isKnown) return;
    const leaving = new AbortController();
    bringUp(live, target.name, leaving.signal).then(
      () => {
        keepUsual(Date.now() - startMs);
        setUp(true);
        if (destination.url !== undefined) location.replace(destination.url);
      },
      (error: unknown) => {
        if (!isApiError(error, 'ABORTED'))
          setProblem(error instanceof Error ? error.message : String(error));
      },
    );
    return () => leaving.abort();
  }, [isKnown]);

  const reached = toReached(seen, isUp);
  const usualMs = readUsual();
  const current = stages.find(([stage]) => !reached[stage]);
  return (
    <main class="wake">
      <h1 class={`phase ${isUp ? 'on' : 'moving'}`} aria-live="polite">
        {isUp ? 'Awake' : `Waking ${toDuration(nowMs - startMs)}`}
      </h1>
      {usualMs !== undefined && !isUp && (
        <p class="note">It usually takes {toDuration(usualMs)}.</p>
      )}
      <ol>
        {stages.map(([stage, text]) => (
          <li
            key={stage}
            class={reached[stage] ? 'done' : ''}
            aria-current={current?.[0] === stage ? 'step' : undefined}
          >
            {stage === 'container' ? text.replace('The container', target.name) : text}
          </li>
        ))}
      </ol>
      {(problem ?? destination.problem) !== undefined && (
        <p class="problem" role="alert">
          {problem ?? destination.problem}
        </p>
      )}
    </main>
  );
}

/** What may not be done with the token is left: who may only wake comes to a container that starts by itself. */
async function bringUp(live: Live, name: string, signal: AbortSignal): Promise<void> {
  const { client } = live;
  const scopes = live.read().whoami?.scopes ?? [];
  const isAdmin = scopes.includes('admin');
  if (isAdmin || scopes.includes('wake'))
    await client.vm.wake.mutate({ waitSeconds: 600 }, { signal, timeoutMs: 610_000 });
  if (isAdmin) await startContainer(client, name, signal);
}

async function startContainer(
  { containers }: OnDemandClient,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  await containers.start.mutate({ name }, { signal });
}

function toReached({ ready }: Seen, isUp: boolean): Readonly<Record<Stage, boolean>> {
  return {
    vm: isUp || ready?.vm.lifecycleState === 'RUNNING',
    ssh: isUp || ready?.ssh.ok === true,
    docker: isUp || ready?.docker.ok === true,
    container: isUp,
  };
}

const usualKey = 'ondemand-wake-ms';

/** How long the last wake here took, where it was one. */
function readUsual(): number | undefined {
  const ms = Number(localStorage.getItem(usualKey));
  return ms > 0 ? ms : undefined;
}

function keepUsual(ms: number): void {
  if (ms > 5000) localStorage.setItem(usualKey, String(ms));
}
