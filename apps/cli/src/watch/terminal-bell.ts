// A notification: one part waits until another reports a change.

import { setTimeout as sleep } from 'node:timers/promises';

export interface Bell {
  ring(): void;
  /** Resolves at a ring, at once for one since the last wait; after `atMostMs`; or when `signal` is aborted. */
  wait(options: { readonly atMostMs: number; readonly signal: AbortSignal }): Promise<void>;
}

/** Many rings before a wait are one. */
export function createBell(): Bell {
  let rung = false;
  let waiter: AbortController | undefined;
  return {
    ring() {
      rung = true;
      waiter?.abort();
    },
    async wait({ atMostMs, signal }) {
      if (!rung) {
        waiter = new AbortController();
        const until = AbortSignal.any([signal, waiter.signal]);
        await sleep(atMostMs, undefined, { signal: until }).catch(() => {});
      }
      rung = false;
    },
  };
}
