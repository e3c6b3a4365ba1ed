// The VM's state and use as a scrape sees them, and for how long it was on and used.

import { type Clock, type Idle, type LifecycleState, type Vm, withDeadline } from '@ondemand/core';

export interface VmUse {
  /** Undefined while OCI does not say. */
  readonly state: LifecycleState | undefined;
  /** Undefined while the VM does not say. */
  readonly jobsRunning: number | undefined;
  /** Since this process began. */
  readonly onSeconds: number;
  readonly usedSeconds: number;
}

export interface VmUseOptions {
  readonly vm: Pick<Vm, 'status'>;
  readonly idle: Pick<Idle, 'verdict'>;
  readonly clock: Pick<Clock, 'elapsedMs'>;
  /** For one reading; Prometheus waits for ten seconds. */
  readonly timeoutMs?: number;
}

/** Builds the reading: what does not answer in time is unknown, and it never rejects. */
export function createVmUse({
  vm,
  idle,
  clock,
  timeoutMs = scrapeMs,
}: VmUseOptions): () => Promise<VmUse> {
  let onSeconds = 0;
  let usedSeconds = 0;
  /** When the VM was seen RUNNING by the reading before. */
  let runningAtMs: number | undefined;
  let current: Promise<VmUse> | undefined;

  return () => {
    current ??= read().finally(() => {
      current = undefined;
    });
    return current;
  };

  async function read(): Promise<VmUse> {
    const endsMs = clock.elapsedMs() + timeoutMs;
    const status = await askInTime((signal) => vm.status({ address: false, signal }), timeoutMs);
    const state = status?.lifecycleState;
    const nowMs = clock.elapsedMs();
    const seconds = state === 'RUNNING' ? toCounted(nowMs) : 0;
    runningAtMs = state === 'RUNNING' ? nowMs : undefined;
    onSeconds += seconds;
    if (state !== 'RUNNING') {
      const jobsRunning = state === 'STOPPED' || state === 'TERMINATED' ? 0 : undefined;
      return { state, jobsRunning, onSeconds, usedSeconds };
    }
    const verdict = await askInTime(
      (signal) => idle.verdict({ signal }),
      Math.max(1, endsMs - nowMs),
    );
    const jobs = verdict?.signals.find(({ name }) => name === 'jobs');
    if (verdict?.signals.some((signal) => signal.state === 'used')) usedSeconds += seconds;
    return { state, jobsRunning: jobs?.value ?? undefined, onSeconds, usedSeconds };
  }

  function toCounted(nowMs: number): number {
    const ms = runningAtMs === undefined ? 0 : nowMs - runningAtMs;
    return ms > maxGapMs ? 0 : ms / 1000;
  }
}

/** Prometheus waits for ten seconds. */
const scrapeMs = 8000;

/** Of a longer time between two readings nothing is known. */
const maxGapMs = 10 * 60_000;

/** Undefined where there is no answer in the time of a scrape. */
export async function askInTime<T>(
  question: (signal: AbortSignal) => Promise<T>,
  timeoutMs = scrapeMs,
): Promise<T | undefined> {
  try {
    return await withDeadline(question, { timeoutMs, onTimeout: () => new Error('no answer') });
  } catch {
    return undefined; // the services log what is wrong, and other metrics count it
  }
}
