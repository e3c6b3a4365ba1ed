// A bench that calls a miss a hit is worse than none.

import { expect, test } from 'vitest';
import { toLatency } from './latency.ts';
import { judge, type Results, toReport } from './report.ts';
import type { Listing } from './ways.ts';

const results = {
  machine: 'a machine',
  listings: [
    { containers: 20, listing: toListing({ socket: 1, rest: 3, ssh: 450 }) },
    { containers: 500, listing: toListing({ socket: 10, rest: 30, ssh: 460 }) },
  ],
  concurrent: {
    readers: 1000,
    cold: { sshConnections: 1, engineCalls: 20, durationMs: 1 },
    warm: { sshConnections: 0, engineCalls: 20, durationMs: 1 },
  },
  logs: { reads: 10, bytes: 100e6, durationMs: 1, beforeBytes: 100e6, peakBytes: 159e6 },
} satisfies Results;

test('judge() meets every target at its very limit', () => {
  expect(judge(results).filter(({ met }) => !met)).toEqual([]);
});

test.each([
  ['REST slower than three times the socket', { listings: listingOf({ rest: 3.01, ssh: 999 }) }],
  ['REST slower than a 150th of ssh', { listings: listingOf({ rest: 3, ssh: 449 }) }],
  ['a second SSH connection', { concurrent: concurrentReadersOf('cold', { sshConnections: 2 }) }],
  [
    'a new SSH connection of a connected API',
    { concurrent: concurrentReadersOf('warm', { sshConnections: 1 }) },
  ],
  ['21 Engine calls', { concurrent: concurrentReadersOf('cold', { engineCalls: 21 }) }],
  [
    '21 Engine calls of a connected API',
    { concurrent: concurrentReadersOf('warm', { engineCalls: 21 }) },
  ],
  ['60 MB more', { logs: { ...results.logs, peakBytes: 160e6 } }],
])('judge() calls %s one miss', (_what, change) => {
  expect(judge({ ...results, ...change }).filter(({ met }) => !met)).toHaveLength(1);
});

test('toReport() has a row for each way and a verdict for each target', () => {
  const report = toReport({ ...results, listings: listingOf({ rest: 4, ssh: 900 }) });
  expect(report).toContain('| `GET /containers` through REST | 4 | 4 | 4 |');
  expect(report).toContain(
    "| 20 containers: REST's p50 at most 3× the unix socket's | 4× | **missed** |",
  );
  expect(report.split('**missed**')).toHaveLength(2);
});

test('toLatency() takes the middle and the tail of unsorted durations', () => {
  const durations = Array.from({ length: 200 }, (_, index) => ((index * 77) % 200) + 1);
  expect(toLatency(durations)).toEqual({ p50Ms: 100, p99Ms: 198, samples: 200 });
});

function listingOf(given: { readonly rest: number; readonly ssh: number }) {
  return [{ containers: 20, listing: toListing({ socket: 1, ...given }) }];
}

function concurrentReadersOf(when: 'cold' | 'warm', cost: Partial<Results['concurrent']['cold']>) {
  return { ...results.concurrent, [when]: { ...results.concurrent[when], ...cost } };
}

function toListing(ms: {
  readonly socket: number;
  readonly rest: number;
  readonly ssh: number;
}): Listing {
  return {
    socket: toLatency([ms.socket]),
    rest: toLatency([ms.rest]),
    client: toLatency([ms.rest]),
    lone: toLatency([ms.rest]),
    ssh: toLatency([ms.ssh]),
    dockerSsh: toLatency([ms.ssh]),
  };
}
