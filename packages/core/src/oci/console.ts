// The serial console through OCI's console histories: captured, waited for, read and deleted again.

import { randomUUID } from 'node:crypto';
import { pause } from '../concurrency/deadline.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import { AppError } from '../errors.ts';
import { type VmConsole, vmId } from '../model/vm.ts';
import type { SerialConsole } from '../ports.ts';
import type { Clients } from './compute.ts';

export interface ConsoleReaderOptions {
  readonly instanceId: string;
  readonly open: (signal: AbortSignal | undefined) => Promise<Clients>;
  /** For the capture; deleting it may take as long again. */
  readonly timeoutMs?: number;
}

/** OCI keeps ten of them, so one is deleted whatever comes of it. https://docs.oracle.com/iaas/api/#/en/iaas/20160918/ConsoleHistory/ */
export function createConsoleReader({
  instanceId,
  open,
  timeoutMs = 60_000,
}: ConsoleReaderOptions): SerialConsole['readConsole'] {
  const reads = createSingleFlight({ deadlineMs: timeoutMs });
  return ({ lines, ...caller }) =>
    reads.read(
      `the last ${lines} lines of the serial console of ${vmId}`,
      (signal) => capture(lines, signal),
      caller,
    );

  async function capture(lines: number, signal: AbortSignal): Promise<VmConsole> {
    const { http, compute } = await open(signal);
    const { consoleHistory } = await http.call('CaptureConsoleHistory', signal, (client) =>
      compute(client).captureConsoleHistory({
        captureConsoleHistoryDetails: { instanceId },
        opcRetryToken: randomUUID(),
      }),
    );
    const { id: instanceConsoleHistoryId, timeCreated } = consoleHistory;
    try {
      await untilCaptured(instanceConsoleHistoryId, signal);
      const { value } = await http.call('GetConsoleHistoryContent', signal, (client) =>
        compute(client).getConsoleHistoryContent({ instanceConsoleHistoryId, length: maxBytes }),
      );
      return { capturedAt: toIso(timeCreated), logs: toLastLines(value, lines) };
    } finally {
      // Without the caller's signal, and not waited for: nobody is to hear of it.
      http
        .call('DeleteConsoleHistory', undefined, (client) =>
          compute(client).deleteConsoleHistory({ instanceConsoleHistoryId }),
        )
        .catch(() => {});
    }
  }

  async function untilCaptured(instanceConsoleHistoryId: string, signal: AbortSignal) {
    const { http, compute } = await open(signal);
    for (let pauseMs = 250; ; pauseMs = Math.min(2 * pauseMs, 2000)) {
      const { consoleHistory } = await http.call('GetConsoleHistory', signal, (client) =>
        compute(client).getConsoleHistory({ instanceConsoleHistoryId }),
      );
      const state = String(consoleHistory.lifecycleState);
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

/** All that OCI keeps. */
const maxBytes = 1_048_576;

function toIso(time: unknown): string {
  const date = new Date(time instanceof Date || typeof time === 'string' ? time : Number.NaN);
  return (Number.isNaN(date.getTime()) ? new Date() : date).toISOString();
}

/** Ends of lines as everywhere else; the console's own are CR LF. */
export function toLastLines(text: string, lines: number): string {
  const all = text.replaceAll(/\r+\n/g, '\n').replace(/\n$/, '').split('\n');
  return `${all.slice(-lines).join('\n')}\n`;
}
