// `/wake/{name}?to=URL`: wakes the VM and a container, shows how far it is, and then goes to the URL.

import { useEffect, useState } from 'preact/hooks';
import { useNow, useSeen } from './hooks.ts';
import { type KeepTryingOptions, keepTrying, type Retry, wakeTimeoutMs } from './keep-trying.ts';
import type { Live, Seen } from './live-state.ts';
import { toDuration, toRetryText } from './texts.ts';
import { toDestination, type WakeTarget } from './wake-target.ts';

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
  const [retry, setRetry] = useState<Retry>();
  const [isUp, setUp] = useState(false);
  const destination = toDestination(target.to, returnOrigins);
  const isKnown = seen.whoami !== undefined;

  useEffect(() => {
    if (!isKnown) return;
    const leaving = new AbortController();
    bringUp(live, target.name, { signal: leaving.signal, onRetry: setRetry }).then(
      () => {
        setUp(true);
        if (destination.url !== undefined) location.replace(destination.url);
      },
      (error: unknown) => {
        if (!leaving.signal.aborted)
          setProblem(error instanceof Error ? error.message : String(error));
      },
    );
    return () => leaving.abort();
  }, [isKnown]);

  const reached = toReached(seen, isUp);
  const waiting =
    problem === undefined && !isUp ? toRetryText({ ready: seen.ready, retry, nowMs }) : '';
  const usual = useUsual(startMs, reached);
  const current = stages.find(([stage]) => !reached[stage]);
  return (
    <main class="wake">
      <h1 class={`phase ${isUp ? 'on' : 'moving'}`} aria-live="polite">
        {isUp ? 'Awake' : `Waking ${toDuration(nowMs - startMs)}`}
      </h1>
      <ol>
        {stages.map(([stage, text]) => (
          <li
            key={stage}
            class={reached[stage] ? 'done' : ''}
            aria-current={current?.[0] === stage ? 'step' : undefined}
          >
            {stage === 'container' ? text.replace('The container', target.name) : text}
            {!reached[stage] && usual[stage] !== undefined && (
              <span class="note"> (usually by {toDuration(usual[stage])})</span>
            )}
          </li>
        ))}
      </ol>
      {waiting !== '' && <p class="note">{waiting}</p>}
      {(problem ?? destination.problem) !== undefined && (
        <p class="problem" role="alert">
          {problem ?? destination.problem}
        </p>
      )}
    </main>
  );
}

/** With a token that may only wake, the container has to start by itself. */
async function bringUp(
  { client, read }: Live,
  name: string,
  how: Pick<KeepTryingOptions, 'signal' | 'onRetry'>,
): Promise<void> {
  const { signal } = how;
  const scopes = read().whoami?.scopes ?? [];
  const isAdmin = scopes.includes('admin');
  if (!isAdmin && !scopes.includes('wake'))
    throw new Error('This token may not wake oci-flex: that needs the scope wake');
  await keepTrying(async () => {
    // In requests that are shorter than what proxies wait for.
    const { ready, phase } = await client.vm.wake.mutate(
      { waitSeconds: 30 },
      { signal, timeoutMs: wakeTimeoutMs },
    );
    if (!ready) return phase;
    if (isAdmin) await client.containers.start.mutate({ name }, { signal });
    return undefined;
  }, how);
}

function toReached({ ready }: Seen, isUp: boolean): Readonly<Record<Stage, boolean>> {
  return {
    vm: isUp || ready?.vm.lifecycleState === 'RUNNING',
    ssh: isUp || ready?.ssh.ok === true,
    docker: isUp || ready?.docker.ok === true,
    container: isUp,
  };
}

type StageTimes = Readonly<Partial<Record<Stage, number>>>;

/** When each stage was reached the last time that this browser saw a wake, in milliseconds since its begin; keeps those of this one. */
function useUsual(startMs: number, reached: Readonly<Record<Stage, boolean>>): StageTimes {
  const [usual] = useState<StageTimes>(() => JSON.parse(localStorage.getItem(usualKey) ?? '{}'));
  const [own, setOwn] = useState<StageTimes>({});
  useEffect(() => {
    const fresh = stages.flatMap(([stage]) =>
      reached[stage] && own[stage] === undefined ? [[stage, Date.now() - startMs]] : [],
    );
    if (fresh.length === 0) return;
    const all: StageTimes = { ...own, ...Object.fromEntries(fresh) };
    setOwn(all);
    const isWake = (all.vm ?? 0) > leastWakeMs; // else it was awake before
    if (reached.container && isWake) localStorage.setItem(usualKey, JSON.stringify(all));
  });
  return usual;
}

const usualKey = 'ondemand-wake-stages';
const leastWakeMs = 1500;
