// Lines on which everything passes, but badly: all goes on as before.

import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import type { FaultyServer } from './faulty-server.ts';
import type { BadLine } from './tcp-proxy.ts';
import { containers } from './test-containers.ts';
import { survive } from './under-load.ts';

/** The server keeps to the usual keepalive: on a busy machine a bad line may be silent for seconds. */
export function declareBadLines(getApi: () => FaultyServer): void {
  test.sequential.each<[string, BadLine]>([
    ['with pieces that come late and unevenly', { delayMs: 5, jitterMs: 40 }],
    ['that cuts all into pieces of a few bytes', { sliceBytes: 7 }],
    ['that is narrow', { bytesPerSecond: 100_000, sliceBytes: 2_000 }],
  ])('a line %s gives the same answers', async (name, line) => {
    const api = getApi();
    const { proxy } = api;
    const read = () => readLog(api, `/containers/${containers.noisy}/logs?lines=20`);
    const logs = await read();
    await survive(
      api,
      {
        ...{ part: 'The link', name: `a line ${name}`, repair: () => proxy.pass() },
        inject() {
          proxy.spoil(line);
          proxy.reset();
        },
      },
      async () => {
        await api.expectRecovery();
        expect(await read()).toBe(logs);
      },
    );
    expect(await read()).toBe(logs);
  });
}

/** Asks again until it is given: a connection may just have been lost. */
export function readLog(api: FaultyServer, path: string): Promise<string> {
  return until('the log', async () => (await api.getJson<{ readonly logs: string }>(path)).logs);
}
