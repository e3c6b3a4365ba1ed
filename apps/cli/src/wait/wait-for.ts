// Polls the VM until a goal is reached, cannot be reached any more, or the time is up.

import { setTimeout as sleep } from 'node:timers/promises';
import type { LifecycleState, OnDemandClient, VmState } from '@ondemand/client';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatDuration } from '../output/duration.ts';
import { startDeadline } from './deadline.ts';
import type { Goal, Observation } from './goals.ts';

export interface WaitOptions {
  readonly client: OnDemandClient;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Called after each poll. */
  readonly onPoll: (progress: Progress) => void;
}

export interface Progress {
  /** What has been reached, in words; the same until something changes. */
  readonly stage: string;
  /** What is waited for and why it is not there yet. */
  readonly next: string;
  readonly elapsedMs: number;
}

/**
 * The VM's state once the goal is reached.
 * Failures that pass (OCI, SSH or the API unavailable, rate limits) are waited out, others are thrown.
 * Throws `CliError` when time is up or the goal cannot come any more.
 */
export async function waitFor(goal: Goal, options: WaitOptions): Promise<VmState> {
  const { client, signal, timeoutMs, onPoll } = options;
  const startedAt = performance.now();
  using deadline = startDeadline(timeoutMs, signal);
  const until = deadline.signal;
  const observations: Observation[] = [];
  let reason: string | undefined;
  try {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
      const seen = await observe(client, goal, until);
      const elapsedMs = performance.now() - startedAt;
      observations.push({ state: seen.vm?.lifecycleState, answers: seen.answers, elapsedMs });
      reason = seen.failure?.message;
      const verdict = goal.judge(observations);
      onPoll({ stage: toStage(seen), next: toNext(goal, reason), elapsedMs });
      if (verdict.kind === 'lost') {
        throw new CliError(
          exitCodes.failed,
          `Gave up waiting until ${goal.wanted}: ${verdict.why}; look with ondemand status`,
        );
      }
      if (verdict.kind === 'reached' && seen.vm !== undefined) return seen.vm;
      await sleep(Math.max(pauseMs, seen.failure?.retryAfterMs ?? 0), undefined, { signal: until });
    }
  } catch (error) {
    if (!deadline.isOver()) throw error;
    const state = observations.findLast((seen) => seen.state !== undefined)?.state;
    throw timedOut({ goal, timeoutMs, state, reason, cause: error });
  }
}

const firstPauseMs = 250;
const longestPauseMs = 2_000;

interface Reading {
  readonly vm: VmState | undefined;
  readonly answers: boolean | undefined;
  readonly failure: Failure | undefined;
}

interface Failure {
  readonly message: string;
  readonly retryAfterMs: number;
}

async function observe(client: OnDemandClient, goal: Goal, signal: AbortSignal): Promise<Reading> {
  const vm = await attempt(() => client.vm.status.query(undefined, { signal }));
  if (!vm.ok) return { vm: undefined, answers: undefined, failure: vm.failure };
  if (!goal.needsDocker || vm.value.lifecycleState !== 'RUNNING') {
    return { vm: vm.value, answers: undefined, failure: undefined };
  }
  const containers = await attempt(() => client.containers.list.query(undefined, { signal }));
  return containers.ok
    ? { vm: vm.value, answers: true, failure: undefined }
    : { vm: vm.value, answers: containers.isVm ? false : undefined, failure: containers.failure };
}

type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  /** `isVm`: it is the VM that does not answer, not the API. */
  | { readonly ok: false; readonly isVm: boolean; readonly failure: Failure };

async function attempt<T>(ask: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await ask() };
  } catch (error) {
    const { isApiError } = await import('@ondemand/client'); // late, as everywhere here
    if (!isApiError(error) || !passing.has(error.code)) throw error;
    const { retryAfterSeconds } = error.details;
    return {
      ok: false,
      isVm: error.code === 'SERVICE_UNAVAILABLE' && error.requestId !== undefined, // a proxy has none
      failure: {
        message: error.message,
        retryAfterMs: typeof retryAfterSeconds === 'number' ? retryAfterSeconds * 1000 : 0,
      },
    };
  }
}

const passing: ReadonlySet<string> = new Set([
  'SERVICE_UNAVAILABLE',
  'TOO_MANY_REQUESTS',
  'NETWORK_ERROR',
  'TIMEOUT',
]);

function toStage({ vm, answers }: Reading): string {
  if (vm === undefined) return 'state unknown';
  return answers === true ? `${vm.lifecycleState}, SSH and Docker answer` : vm.lifecycleState;
}

function toNext({ wanted }: Goal, reason: string | undefined): string {
  return `Waiting until ${wanted}${reason === undefined ? '' : `: ${reason}`}`;
}

function timedOut({
  goal,
  timeoutMs,
  state,
  reason,
  cause,
}: {
  readonly goal: Goal;
  readonly timeoutMs: number;
  readonly state: LifecycleState | undefined;
  readonly reason: string | undefined;
  readonly cause: unknown;
}): CliError {
  const seen = state === undefined ? 'its state could not be learned' : `it is ${state}`;
  const why = reason === undefined ? '' : ` (${reason})`;
  return new CliError(
    goal.timeoutExit,
    `Gave up after ${formatDuration(timeoutMs)} of waiting until ${goal.wanted}: ${seen}${why}; it may still come: look with ondemand status, or wait longer with --timeout`,
    { cause },
  );
}
