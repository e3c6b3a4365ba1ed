// The last action through this process, which it writes on the VM: the first at once, of many in a row the last by one command, and again where that fails.

import type { Clock, IdleHost, Link } from '../adapter-ports.ts';
import { type OnInternalError, reportInternal } from '../internal-error.ts';

export interface LastActionOptions {
  readonly host: Pick<IdleHost, 'note'>;
  readonly link: Pick<Link, 'connected'>;
  readonly clock: Pick<Clock, 'elapsedMs'>;
  readonly onInternalError: OnInternalError;
}

export interface LastAction extends AsyncDisposable {
  /** Never throws. A VM that is not connected is not dialled for it: it is written once the VM is. */
  note(by: string): void;
  /** By the VM's time. */
  at(vmNow: number): { readonly at: number; readonly by: string } | undefined;
}

/** Builds it; disposing it writes what is not written yet, and never rejects. */
export function createLastAction({
  host,
  link,
  clock,
  onInternalError,
}: LastActionOptions): LastAction {
  let last: { readonly atMs: number; readonly by: string } | undefined;
  let written: typeof last;
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();
  let isClosed = false;
  const toSecondsAgo = (atMs: number) => Math.round((clock.elapsedMs() - atMs) / 1000);

  return {
    note(by) {
      last = { atMs: clock.elapsedMs(), by };
      schedule(0); // another process may be about to stop the VM
    },
    at: (vmNow) => last && { at: vmNow - toSecondsAgo(last.atMs), by: last.by },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      clearTimeout(timer);
      await writeNext();
    },
  };

  function schedule(ms: number): void {
    if (isClosed) return;
    timer ??= setTimeout(async () => {
      timer = undefined;
      await writeNext();
      if (last !== written) schedule(nextWriteMs);
    }, ms).unref();
  }

  function writeNext(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  async function write(): Promise<void> {
    const action = last;
    if (action === undefined || action === written || !link.connected) return;
    try {
      const at = { secondsAgo: toSecondsAgo(action.atMs) };
      await host.note([{ name: 'actions', at, by: action.by }]);
      written = action;
    } catch (error) {
      reportInternal(error, onInternalError);
    }
  }
}

const nextWriteMs = 30_000;
