// A fault while requests run: the right answers in time, nothing wrong after the repair, and how soon that is.

import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { recordFigures } from '../reliability/record-figures.ts';
import { type ApiErrorCode, expectApiError } from '../support/expect-api-error.ts';
import { until } from '../support/until.ts';
import type { FaultyServer, Refusal } from './faulty-server.ts';
import { containers } from './test-containers.ts';

export interface Fault {
  /** What breaks, such as `the link`: a table of its own in docs/reliability.md. */
  readonly part: string;
  readonly name: string;
  inject(): unknown;
  repair(): unknown;
  /** What is told meanwhile; left out where all goes on as before. */
  readonly refusal?: Refusal;
  /** Beside those that everybody reads. */
  readonly read?: Read;
}

type Read = () => Promise<Response>;

/** Far above each deadline that a read has here, and no longer than callers wait. */
const longestMs = 60_000;
/** `pnpm test:faults` has all faults and the whole load. */
export const isFull = process.env.FAULTS === 'all';
const pauseMs = isFull ? 200 : 1_000;
const paths = ['/containers', '/vm/status', '/vm/ready', `/containers/${containers.app}/logs`];

/**
 * Breaks it under a steady load, runs `meanwhile` (by default: expects the refusal), repairs it, and waits until all reads succeed again.
 * Each answer comes in time and is a success or a whole error: 503, or the fault's own code; after the recovery it is a success.
 */
export async function survive(
  api: FaultyServer,
  fault: Fault,
  meanwhile?: () => Promise<unknown>,
): Promise<void> {
  const reads = [
    ...paths.map(
      (path): Read =>
        () =>
          api.get(path, { signal: AbortSignal.timeout(longestMs) }),
    ),
    ...(fault.read === undefined ? [] : [fault.read]),
  ];
  await api.settle();
  const load = startLoad(reads, fault.refusal?.code ?? 'SERVICE_UNAVAILABLE');
  let recoveryMs: number;
  try {
    try {
      await fault.inject();
      if (meanwhile !== undefined) await meanwhile();
      else if (fault.refusal !== undefined) await api.expectRefusal(fault.refusal);
      else await allSucceed(fault.name, reads);
    } finally {
      await fault.repair();
    }
    const repairedMs = performance.now();
    await allSucceed(`the repair of: ${fault.name}`, reads);
    recoveryMs = performance.now() - repairedMs;
  } finally {
    await load.finish();
  }
  expect(load.wrong).toEqual([]);
  const { code = 'SERVICE_UNAVAILABLE', reason } = fault.refusal ?? {};
  recordFigures('faults', {
    title: fault.part,
    tables: [
      {
        head: ['fault', 'told', 'answers meanwhile', 'slowest', 'recovered after'],
        rows: [
          [
            fault.name,
            fault.refusal === undefined ? 'all goes on' : `\`${reason ?? code}\``,
            load.answers,
            toSeconds(load.slowestMs),
            toSeconds(recoveryMs),
          ],
        ],
      },
    ],
  });
}

/** At the same time; until then some may fail, as on a machine that is busy. */
async function allSucceed(during: string, reads: readonly Read[]): Promise<void> {
  await until(
    `all reads to succeed at ${during}`,
    async () => {
      const answers = await Promise.all(reads.map((read) => read()));
      const texts = await Promise.all(answers.map((answer) => answer.text()));
      const failed = answers.findIndex(({ ok }) => !ok);
      if (failed >= 0) throw new Error(texts[failed]);
      return true;
    },
    { intervalMs: 100 },
  );
}

function startLoad(reads: readonly Read[], code: ApiErrorCode) {
  const ending = new AbortController();
  const load = { wrong: [] as string[], answers: 0, slowestMs: 0 };

  const ask = async (read: Read, mustSucceed: boolean): Promise<void> => {
    const beganMs = performance.now();
    try {
      const response = await read();
      if (response.ok) await response.arrayBuffer();
      else if (mustSucceed) load.wrong.push(`after the recovery: ${await response.text()}`);
      else await expectApiError(response, response.status === 503 ? 'SERVICE_UNAVAILABLE' : code);
    } catch (error) {
      load.wrong.push(String(error));
    }
    load.answers += 1;
    load.slowestMs = Math.max(load.slowestMs, performance.now() - beganMs);
  };
  const loops = reads.map(async (read) => {
    while (!ending.signal.aborted) {
      await ask(read, false);
      await sleep(pauseMs, undefined, { signal: ending.signal }).catch(() => {});
    }
    await ask(read, true);
  });
  return Object.assign(load, {
    /** Ends after one more answer to each, which must be a success. */
    async finish() {
      ending.abort();
      await Promise.all(loops);
    },
  });
}

function toSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
