// The serial console through OCI's console histories: captured, waited for, read and deleted again.

import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { SerialConsole } from '../adapter-ports.ts';
import { AppError, isAppError } from '../app-error.ts';
import { pause, withDeadline } from '../concurrency/deadline.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import { toIsoTime } from '../model/iso-time.ts';
import { type VmConsole, vmId } from '../model/vm.ts';
import type { Clients } from './compute.ts';
import type { OciOperation } from './failure.ts';
import { toText } from './json.ts';
import { toAppError } from './to-app-error.ts';

export interface ConsoleReaderOptions {
  readonly instanceId: string;
  readonly open: (signal: AbortSignal | undefined) => Promise<Clients>;
  /** For the capture; deleting it may take as long again. */
  readonly timeoutMs?: number;
}

export interface ConsoleReader extends AsyncDisposable {
  readonly read: SerialConsole['readConsole'];
}

/**
 * OCI keeps ten of them, so one is deleted whatever comes of it, also when its readers leave meanwhile. Disposing waits for that, for a while.
 * https://docs.oracle.com/iaas/api/#/en/iaas/20160918/ConsoleHistory/
 */
export function createConsoleReader({
  instanceId,
  open,
  timeoutMs = 60_000,
}: ConsoleReaderOptions): ConsoleReader {
  const reads = createSingleFlight({ deadlineMs: timeoutMs });
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // each capture and each deletion that is tried again listens to it
  /** Captures that are not deleted yet. */
  const pending = new Set<Promise<unknown>>();

  return {
    read: ({ lines, ...caller }) =>
      reads.read(
        `the last ${lines} lines of the serial console of ${vmId}`,
        (signal) => track(capture(lines, AbortSignal.any([signal, closing.signal]))),
        caller,
      ),
    async [Symbol.asyncDispose]() {
      closing.abort(shuttingDown());
      const settled = async () => {
        while (pending.size > 0) await Promise.allSettled(pending);
      };
      await withDeadline(settled, { timeoutMs: maxEndingMs, onTimeout: () => 'late' }).catch(
        () => {},
      );
    },
  };

  function track<T>(work: Promise<T>): Promise<T> {
    pending.add(work);
    const forget = () => pending.delete(work);
    work.then(forget, forget);
    return work;
  }

  async function capture(lines: number, signal: AbortSignal): Promise<VmConsole> {
    const { http, compute } = await open(signal);
    // Without the signal: only its answer tells which capture is to be deleted.
    const { consoleHistory } = await http.call('CaptureConsoleHistory', undefined, (client) =>
      compute(client).captureConsoleHistory({
        captureConsoleHistoryDetails: { instanceId },
        opcRetryToken: randomUUID(),
      }),
    );
    const instanceConsoleHistoryId = toText(consoleHistory, 'id');
    if (!instanceConsoleHistoryId) throw unreadable('CaptureConsoleHistory');
    const { timeCreated } = consoleHistory;
    try {
      signal.throwIfAborted();
      await untilCaptured(instanceConsoleHistoryId, signal);
      const { value } = await http.call('GetConsoleHistoryContent', signal, (client) =>
        compute(client).getConsoleHistoryContent({ instanceConsoleHistoryId, length: maxBytes }),
      );
      const text = value ?? ''; // of a console without a byte the SDK gives none
      return { capturedAt: toIso(timeCreated), logs: toLastLines(text, lines) };
    } finally {
      // Not waited for: nobody is to hear of it.
      track(remove(instanceConsoleHistoryId)).catch(() => {});
    }
  }

  /** Tries again what OCI refuses for now, as it may while it captures. */
  async function remove(instanceConsoleHistoryId: string): Promise<void> {
    const { http, compute } = await open(undefined);
    for (let pauseMs = 500; ; pauseMs *= 2) {
      try {
        await http.call('DeleteConsoleHistory', undefined, (client) =>
          compute(client).deleteConsoleHistory({ instanceConsoleHistoryId }),
        );
        return;
      } catch (error) {
        if (!isAppError(error, 'SERVICE_UNAVAILABLE') || pauseMs > timeoutMs / 2) throw error;
      }
      await pause(pauseMs, closing.signal);
    }
  }

  async function untilCaptured(instanceConsoleHistoryId: string, signal: AbortSignal) {
    const { http, compute } = await open(signal);
    for (let pauseMs = 250; ; pauseMs = Math.min(2 * pauseMs, 2000)) {
      const { consoleHistory } = await http.call('GetConsoleHistory', signal, (client) =>
        compute(client).getConsoleHistory({ instanceConsoleHistoryId }),
      );
      const state = toText(consoleHistory, 'lifecycleState');
      if (state === undefined) throw unreadable('GetConsoleHistory');
      if (state === 'SUCCEEDED') return;
      if (state === 'FAILED') {
        throw new AppError(
          'SERVICE_UNAVAILABLE',
          `OCI failed to capture the serial console of ${vmId}; try again in a moment`,
          { text: 'OCI failed', details: { reason: 'OCI_FAILED', retryAfterSeconds: 5 } },
        );
      }
      await pause(pauseMs, signal);
    }
  }
}

function unreadable(operation: OciOperation): AppError {
  return toAppError({ kind: 'unreadable', status: 200 }, operation);
}

function shuttingDown(): AppError {
  return new AppError('SERVICE_UNAVAILABLE', 'This API shuts down; try again in a moment', {
    text: 'API is shutting down',
    details: { reason: 'SHUTTING_DOWN' },
  });
}

const maxEndingMs = 2000;

/** All that OCI keeps. */
const maxBytes = 1_048_576;

function toIso(time: unknown): string {
  const ms = new Date(
    time instanceof Date || typeof time === 'string' ? time : Number.NaN,
  ).getTime();
  return toIsoTime(Number.isNaN(ms) ? Date.now() : ms);
}

/** Ends of lines as everywhere else; the console's own are CR LF. */
export function toLastLines(text: string, lines: number): string {
  const all = text.replaceAll(/\r+\n/g, '\n').replace(/\n$/, '').split('\n');
  return `${all.slice(-lines).join('\n')}\n`;
}
