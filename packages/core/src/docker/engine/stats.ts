// One sample of a container's resource use: the engine measures twice, a second apart, for the CPU share.

import type { CallOptions, Clock } from '../../adapter-ports.ts';
import { pause } from '../../concurrency/deadline.ts';
import type { ContainerStats } from '../../model/inspection.ts';
import { isLoneSample, toCpuPercentOf, toStats } from '../format/to-stats.ts';
import { type EngineTask, toAppError } from '../to-app-error.ts';
import {
  type EngineReads,
  parseAnswer,
  toContainerName,
  toContainerPath,
} from './list-and-inspect.ts';
import { statsSchema } from './schemas.ts';

export interface EngineStatsOptions {
  readonly reads: Pick<EngineReads, 'inspect' | 'ask'>;
  readonly clock: Clock;
  readonly wait?: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
}

/** Builds the reader; zeros for a container that does not run. Throws `NOT_FOUND` and `SERVICE_UNAVAILABLE`. */
export function createEngineStats({ reads, clock, wait = pause }: EngineStatsOptions) {
  return async function readStats(id: string, { signal }: CallOptions): Promise<ContainerStats> {
    const container = await reads.inspect(id, { signal });
    const name = toContainerName(container);
    const context = () => ({ container: name, now: clock.now() });
    // Engines differ in what they say of the use of what is not there.
    if (container.State.Running === false) return toStats({}, context());
    const task: EngineTask = { operation: 'stats', name };
    const sample = async () => {
      const answer = await reads.ask(task, `${toContainerPath(id)}/stats?stream=false`, {
        signal,
        headersTimeoutMs: 10_000,
        queueTimeoutMs: 30_000,
      });
      if (answer.status !== 200) throw toAppError(answer, task);
      return { stats: parseAnswer(statsSchema, answer, task), atMs: clock.elapsedMs() };
    };
    const first = await sample();
    if (!isLoneSample(first.stats)) return toStats(first.stats, context());
    await wait(betweenSamplesMs, signal);
    const second = await sample();
    const passedMs = second.atMs - first.atMs;
    return {
      ...toStats(second.stats, context()),
      cpuPercent: toCpuPercentOf(first.stats, second.stats, passedMs),
    };
  };
}

const betweenSamplesMs = 1000;
