// How much CPU containers use together: the difference between two observations, so that what happened in between is seen.

import type { CallOptions, Clock, RunningContainer, UseEngine } from '../adapter-ports.ts';
import { pause } from '../concurrency/deadline.ts';

export interface CpuMeterOptions {
  readonly engine: Pick<UseEngine, 'cpuTimes'>;
  readonly clock: Pick<Clock, 'elapsedMs'>;
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

export interface CpuMeter {
  /** Measures since the measurement that was kept last; over a second where there was none. */
  measure(containers: readonly RunningContainer[], options?: CallOptions): Promise<CpuMeasurement>;
}

export interface CpuMeasurement {
  /** Percent of one core by container, on average. */
  readonly loads: readonly { readonly name: string; readonly percent: number }[];
  /** The next one measures since this one. Without it nothing changes: whoever only asks must not hide use from the loop. */
  keep(): void;
}

interface Sample {
  readonly atMs: number;
  readonly times: ReadonlyMap<string, number>;
}

/** A shorter span tells a burst rather than use. */
const minSpanMs = 10_000;
const firstSpanMs = 1000;

export function createCpuMeter({ engine, clock, wait = pause }: CpuMeterOptions): CpuMeter {
  let latest: Sample | undefined;
  let previous: Sample | undefined;

  return {
    async measure(containers, { signal } = {}) {
      const ids = containers.map(({ id }) => id);
      const sample = async (): Promise<Sample> => {
        const times = await engine.cpuTimes(ids, { signal });
        return { atMs: clock.elapsedMs(), times };
      };
      let now = await sample();
      let base = latest !== undefined && now.atMs - latest.atMs < minSpanMs ? previous : latest;
      if (base === undefined) {
        base = now;
        await wait(firstSpanMs, signal);
        now = await sample();
      }
      const spanNanos = Math.max(1, now.atMs - base.atMs) * 1e6;
      const before = base.times;
      const loads = containers.flatMap(({ id, name }) => {
        const used = now.times.get(id);
        if (used === undefined) return [];
        const since = before.get(id) ?? 0;
        // One that was restarted counts anew.
        return [{ name, percent: ((used >= since ? used - since : used) / spanNanos) * 100 }];
      });
      const keep = () => {
        if (latest === undefined || now.atMs - latest.atMs >= minSpanMs)
          [previous, latest] = [latest, now];
      };
      return { loads, keep };
    },
  };
}
