// Wakes the VM and waits until it is ready, with the stages on stderr as they come.

import { setTimeout as sleep } from 'node:timers/promises';
import type { OnDemandClient, OnDemandError, VmReady, VmWake } from '@ondemand/client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatDuration } from '../output/duration.ts';
import { createStages, toReasonWhy } from '../views/ready-stage.ts';
import { startDeadline } from './deadline.ts';
import { timedOut } from './wait-for.ts';

export const defaultWakeMs = 10 * 60_000;

export interface WakeUp {
  readonly client: OnDemandClient;
  readonly timeoutMs: number;
}

/**
 * Resolves with the VM as it is once SSH and Docker answer. Where a proxy cuts the wait short, or OCI is out of hosts, it asks again until the time is up.
 * Throws `CliError` when it is (124) and when the user leaves, and what the API answers else.
 */
export async function wakeUp(
  { output, signal }: Pick<Context, 'output' | 'signal'>,
  { client, timeoutMs }: WakeUp,
): Promise<VmWake> {
  const startedAt = performance.now();
  using deadline = startDeadline(timeoutMs, signal);
  const leaving = new AbortController();
  const until = AbortSignal.any([deadline.signal, leaving.signal]);
  using spinner = output.spin('Waking oci-flex');
  const stages = createStages();
  let last: VmReady | undefined;
  const show = (ready: VmReady): void => {
    last = ready;
    const line = stages.next(ready);
    if (line !== undefined && !output.json) output.tell(line);
    const why = toReasonWhy(ready);
    const elapsed = formatDuration(performance.now() - startedAt);
    spinner.update(`Waking oci-flex (${elapsed})${why === undefined ? '' : `: ${why}`}`);
  };
  void watch(client, until, show);
  try {
    for (;;) {
      const leftMs = timeoutMs - (performance.now() - startedAt);
      const woken = await ask(client, { leftMs, signal: deadline.signal });
      if (woken !== undefined) show(woken);
      if (woken?.ready === true) return woken;
    }
  } catch (error) {
    if (deadline.isOver())
      throw timedOut({ wanted: 'SSH and Docker answer' }, { timeoutMs, last, cause: error });
    if (!signal.aborted) throw error;
    const goesOn = 'Interrupted; the VM comes up all the same: look with ondemand status';
    throw new CliError(exitCodes.interrupted, goesOn, { cause: error });
  } finally {
    leaving.abort();
  }
}

/** For the stages alone: what comes of the wake, its own answer says. */
async function watch(
  client: OnDemandClient,
  signal: AbortSignal,
  onReady: (ready: VmReady) => void,
): Promise<void> {
  try {
    const items = client.vm.watchReady.subscribe({ follow: true }, { signal });
    for await (const ready of items) if (!signal.aborted) onReady(ready);
  } catch {
    // without them it is waited for all the same
  }
}

/** Undefined where asking again may help. */
async function ask(
  client: OnDemandClient,
  { leftMs, signal }: { readonly leftMs: number; readonly signal: AbortSignal },
): Promise<VmWake | undefined> {
  signal.throwIfAborted();
  try {
    const waitSeconds = Math.max(1, Math.ceil(leftMs / 1000));
    return await client.vm.wake.mutate({ waitSeconds }, { signal, timeoutMs: leftMs + 10_000 });
  } catch (error) {
    const { isApiError } = await import('@ondemand/client'); // late, as everywhere here
    if (signal.aborted || !isApiError(error) || !mayPass(error)) throw error;
    await sleep(againMs, undefined, { signal });
    return undefined;
  }
}

const againMs = 2000;

function mayPass({ code, details, requestId }: OnDemandError): boolean {
  if (code === 'NETWORK_ERROR' || code === 'TIMEOUT' || code === 'TOO_MANY_REQUESTS') return true;
  return (
    code === 'SERVICE_UNAVAILABLE' &&
    (requestId === undefined || details.reason === 'OUT_OF_CAPACITY')
  ); // a proxy has no request id
}
