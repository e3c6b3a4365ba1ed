// Watches the VM until a goal is reached, cannot be reached any more, or the time is up.

import type { OnDemandClient, OnDemandError, SubscribeOptions, VmReady } from '@ondemand/client';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatDuration } from '../output/duration.ts';
import { toReasonWhy } from '../views/ready-stage.ts';
import { startDeadline } from './deadline.ts';
import { type Goal, unseenMs, type Verdict } from './wait-conditions.ts';

export interface WaitOptions extends Pick<SubscribeOptions, 'onOpen' | 'onReconnect'> {
  readonly client: OnDemandClient;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Called with each change. */
  readonly onChange: (ready: VmReady) => void;
}

/** Resolves once the goal is reached. Throws `CliError` when time is up or the goal cannot come any more, and what the API answers. */
export async function waitFor(goal: Goal, options: WaitOptions): Promise<void> {
  const { client, signal, timeoutMs, onChange, ...hooks } = options;
  const startedAt = performance.now();
  using deadline = startDeadline(timeoutMs, signal);
  const leaving = new AbortController();
  const until = AbortSignal.any([deadline.signal, leaving.signal]);
  const observations: VmReady[] = [];
  let verdict: Verdict = { kind: 'waiting' };
  const judge = (): boolean => {
    if (observations.length > 0) verdict = goal.judge(observations, performance.now() - startedAt);
    return verdict.kind !== 'waiting';
  };
  // What never changes gives no further item.
  const unseen = setTimeout(() => judge() && leaving.abort(), unseenMs);
  try {
    const items = client.vm.watchReady.subscribe({ follow: true }, { signal: until, ...hooks });
    for await (const ready of items) {
      observations.push(ready);
      onChange(ready);
      if (judge()) break;
    }
  } catch (error) {
    if (deadline.isOver())
      throw timedOut(goal, { timeoutMs, last: observations.at(-1), cause: error });
    if (!leaving.signal.aborted) throw error;
  } finally {
    clearTimeout(unseen);
  }
  throwWhereLost(goal, verdict);
}

function throwWhereLost(goal: Goal, verdict: Verdict): void {
  if (verdict.kind !== 'lost') return;
  throw new CliError(
    exitCodes.failed,
    `Gave up waiting until ${goal.wanted}: ${verdict.why}; look with ondemand status`,
  );
}

/** Exit 124, with what was seen last. */
export function timedOut(
  { wanted }: Pick<Goal, 'wanted'>,
  {
    timeoutMs,
    last,
    failure,
    cause,
  }: {
    readonly timeoutMs: number;
    readonly last: VmReady | undefined;
    /** Of the last try. */
    readonly failure?: OnDemandError | undefined;
    readonly cause: unknown;
  },
): CliError {
  const state = last?.vm.lifecycleState;
  const seen = state === undefined ? 'its state could not be learned' : `it is ${state}`;
  const why = last === undefined ? undefined : toReasonWhy(last);
  const failed = failure === undefined ? '' : `; the last try failed: ${failure.message}`;
  return new CliError(
    exitCodes.timedOut,
    `Gave up after ${formatDuration(timeoutMs)} of waiting until ${wanted}: ${seen}${why === undefined ? '' : ` (${why})`}${failed}; it may still come: look with ondemand status, or wait longer with --timeout`,
    { cause },
  );
}
