// How long calls take, told by medians and tails of many.

import { setTimeout as sleep } from 'node:timers/promises';

/** One way to get the same thing. */
export interface Way {
  readonly name: string;
  /** Rejects unless the whole answer came. */
  readonly call: () => Promise<unknown>;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly samples: number;
}

export interface LatencyOptions {
  readonly rounds: number;
  readonly callsARound: number;
  /** Calls of each way that do not count. */
  readonly warmUpCalls: number;
  /** Before each call, and not counted. */
  readonly pauseMs?: number;
}

/** Measures each way, one call at a time, in turns, so that what else the machine does meets all of them. */
export async function measureLatencies(
  ways: readonly Way[],
  { rounds, callsARound, warmUpCalls, pauseMs = 0 }: LatencyOptions,
): Promise<readonly Latency[]> {
  for (const way of ways) await time(way, warmUpCalls, pauseMs);
  const durations = ways.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, way] of ways.entries()) {
      durations[index]?.push(...(await time(way, callsARound, pauseMs)));
    }
  }
  return durations.map(toLatency);
}

export function toLatency(durationsMs: readonly number[]): Latency {
  return {
    p50Ms: toPercentile(durationsMs, 50),
    p99Ms: toPercentile(durationsMs, 99),
    samples: durationsMs.length,
  };
}

/** The smallest value that `percent` of all values do not exceed. */
export function toPercentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

async function time({ call }: Way, calls: number, pauseMs: number): Promise<readonly number[]> {
  const durations: number[] = [];
  for (let index = 0; index < calls; index += 1) {
    if (pauseMs > 0) await sleep(pauseMs);
    const startedMs = performance.now();
    await call();
    durations.push(performance.now() - startedMs);
  }
  return durations;
}
