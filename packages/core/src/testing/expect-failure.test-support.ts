// One way to check a failure whole: code, reason, and that nothing of the machine or of an upstream's words is in what a caller sees.

import type { Duplex } from 'node:stream';
import { expect } from 'vitest';
import type { AppError } from '../app-error.ts';
import { isAppError } from '../app-error.ts';
import type { SshReason } from '../ssh/to-app-error.ts';

/** Awaits the rejection of `work` and hands back its error once it has been found presentable. */
export async function expectFailure(
  work: Promise<unknown>,
  reason: SshReason | 'CONNECTION_DROPPED',
): Promise<AppError> {
  const error = await work.then(
    () => new Error('It succeeded'),
    (caught: unknown) => caught,
  );
  if (!isAppError(error)) throw error;
  expect({ code: error.code, reason: error.details.reason }).toEqual({
    code: 'SERVICE_UNAVAILABLE',
    reason,
  });
  const shown = JSON.stringify([error.message, error.details]);
  expect(shown).not.toMatch(
    /\/(?:tmp|root|home|dev\/shm)\/|ECONN|ENOENT|EACCES|Error:|getaddrinfo/,
  );
  return error;
}

/** Counts by the same timers that the product uses: a process that stands still counts no more than it does. */
export function countIntervals(intervalMs: number): Disposable & { readonly count: number } {
  let count = 0;
  const timer = setInterval(() => count++, intervalMs);
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Waits for a stream's close, and hands back the error it closed with, if any. */
export async function closed(stream: Duplex): Promise<Error | null> {
  if (!stream.closed) await new Promise<void>((resolve) => stream.once('close', () => resolve()));
  return stream.errored;
}
