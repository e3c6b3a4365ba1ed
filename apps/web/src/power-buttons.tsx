// The button that fits the VM's phase: wake, keep, stop; and the others one tap away.

import type { VmReady, Whoami } from '@ondemand/client';
import { useEffect, useState } from 'preact/hooks';
import { type Action, useAction } from './actions.ts';
import { useLeaving, useNow } from './hooks.ts';
import { keepTrying, type Retry, wakeTimeoutMs } from './keep-trying.ts';
import type { Live } from './live-state.ts';
import { HoldButton } from './press-and-hold-button.tsx';
import { toRetryText } from './texts.ts';

export interface PowerProps {
  readonly live: Live;
  readonly ready: VmReady;
  readonly scopes: Whoami['scopes'];
}

export function Power({ live, ready, scopes }: PowerProps) {
  const action = useAction();
  const [isMoreOpen, setMoreOpen] = useState(false);
  const isAdmin = scopes.includes('admin');
  const mayWake = isAdmin || scopes.includes('wake');
  const { vm } = live.client;
  const [retry, setRetry] = useState<Retry>();
  const nowMs = useNow();
  const leaving = useLeaving();
  const wake = () =>
    action.run(() =>
      keepTrying(
        async () =>
          void (await vm.wake.mutate(
            { waitSeconds: 0 },
            { signal: leaving, timeoutMs: wakeTimeoutMs },
          )),
        {
          signal: leaving,
          onRetry: setRetry,
        },
      ),
    );
  const keep = () =>
    action.run(async () => {
      await vm.takeLease.mutate({ minutes: 60, reason: 'from the page' });
      await live.refreshIdle();
    });
  const stop = () => action.run(() => vm.stop.mutate({ soft: ready.phase === 'on' }));
  useShortcut({
    wake: mayWake ? wake : undefined,
    keep: mayWake && ready.ready ? keep : undefined,
  });

  const isAsleep = ready.phase === 'asleep';
  const mayStop = isAdmin && ready.phase !== 'stopping' && !isAsleep;
  return (
    <section class="power" aria-label="Power">
      {isAsleep && mayWake && (
        <button type="button" class="big" disabled={action.isRunning} onClick={wake}>
          Wake
        </button>
      )}
      {ready.phase === 'on' && mayWake && (
        <button type="button" class="big" disabled={action.isRunning} onClick={keep}>
          Keep 1 h
        </button>
      )}
      {mayStop && (
        <HoldButton label="Stop oci-flex" disabled={action.isRunning} onHeld={stop}>
          Stop
        </HoldButton>
      )}
      {isAdmin && ready.phase !== 'stopping' && !isAsleep && (
        <button
          type="button"
          class="link"
          aria-expanded={isMoreOpen}
          onClick={() => setMoreOpen(!isMoreOpen)}
        >
          More
        </button>
      )}
      {isMoreOpen && mayStop && <More live={live} action={action} />}
      {retry !== undefined && <p class="note">{toRetryText({ retry, nowMs })}</p>}
      {action.failure !== undefined && (
        <p class="problem" role="alert">
          {action.failure}
        </p>
      )}
    </section>
  );
}

function More({ live: { client }, action }: { readonly live: Live; readonly action: Action }) {
  return (
    <>
      <HoldButton
        label="Reboot oci-flex"
        disabled={action.isRunning}
        onHeld={() => action.run(() => client.vm.reboot.mutate(undefined))}
      >
        Reboot
      </HoldButton>
      <HoldButton
        label="Reset oci-flex, which loses what is not written"
        disabled={action.isRunning}
        onHeld={() => action.run(() => client.vm.reset.mutate(undefined))}
      >
        Reset
      </HoldButton>
    </>
  );
}

/** `?do=wake` of an installed page's shortcut, done once. */
function useShortcut(actions: Readonly<Record<string, (() => unknown) | undefined>>): void {
  useEffect(() => {
    const url = new URL(location.href);
    const act = actions[url.searchParams.get('do') ?? ''];
    if (act === undefined) return;
    url.searchParams.delete('do');
    history.replaceState(null, '', url);
    act();
  });
}
