// Wakes the VM and waits until it is ready, with the stages on stderr as they come.

import { setTimeout as sleep } from 'node:timers/promises';
import type { OnDemandClient, OnDemandError, VmReady, VmWake } from '@ondemand/client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatDuration } from '../output/duration.ts';
import { createStages, toReasonWhy } from '../views/ready-stage.ts';
import { startDeadline } from './deadline.ts';
import { timedOut } from './wait-for.ts';

export interface WakeUp {
  readonly client: OnDemandClient;
  readonly timeoutMs: number;
  /** Of the lease that comes after it: the API refuses here, before it starts anything, what it would refuse then. */
  readonly reason?: string | undefined;
}

/**
 * Resolves with the VM as it is once SSH and Docker answer. Where OCI is out of hosts, or the connection to an API that has answered breaks, it asks again until the time is up.
 * Throws `CliError` when it is (124) and when the user leaves, and what the API answers else.
 */
export async function wakeUp(
  { output, signal }: Pick<Context, 'output' | 'signal'>,
  { client, timeoutMs, reason }: WakeUp,
): Promise<VmWake> {
  const startedAt = performance.now();
  using deadline = startDeadline(timeoutMs, signal);
  const leaving = new AbortController();
  const until = AbortSignal.any([deadline.signal, leaving.signal]);
  using spinner = output.spin('Waking oci-flex');
  const stages = createStages();
  const contact: Contact = { hasAnswered: false, failure: undefined };
  let last: VmReady | undefined;
  const show = (ready: VmReady): void => {
    last = ready;
    const line = stages.next(ready);
    if (line !== undefined && !output.json) output.tell(line);
    const why = toReasonWhy(ready);
    const elapsed = formatDuration(performance.now() - startedAt);
    spinner.update(`Waking oci-flex (${elapsed})${why === undefined ? '' : `: ${why}`}`);
  };
  void watch(client, {
    signal: until,
    onReady: show,
    onAnswer: () => {
      contact.hasAnswered = true;
    },
  });
  try {
    for (;;) {
      const leftMs = timeoutMs - (performance.now() - startedAt);
      const woken = await ask(client, contact, { leftMs, reason, signal: deadline.signal });
      if (woken !== undefined) show(woken);
      if (woken?.ready === true) return woken;
    }
  } catch (error) {
    const { hasAnswered, failure } = contact;
    if (deadline.isOver())
      throw timedOut(
        { wanted: 'SSH and Docker answer' },
        { timeoutMs, last, failure, cause: error },
      );
    if (!signal.aborted) throw error;
    const goesOn =
      hasAnswered && failure === undefined
        ? 'the VM comes up all the same'
        : 'whether the VM comes up is unknown';
    throw new CliError(exitCodes.interrupted, `Interrupted; ${goesOn}: look with ondemand status`, {
      cause: error,
    });
  } finally {
    leaving.abort();
  }
}

/** What is known of the API itself, apart from the VM. */
interface Contact {
  hasAnswered: boolean;
  /** Of the last try; undefined where that was answered. */
  failure: OnDemandError | undefined;
}

interface Watch {
  readonly signal: AbortSignal;
  readonly onReady: (ready: VmReady) => void;
  /** The API is there. */
  readonly onAnswer: () => void;
}

/** For the stages, and to know the API from a proxy before it: what comes of the wake, its own answer says. */
async function watch(client: OnDemandClient, { signal, onReady, onAnswer }: Watch): Promise<void> {
  try {
    const items = client.vm.watchReady.subscribe({ follow: true }, { signal, onOpen: onAnswer });
    for await (const ready of items) if (!signal.aborted) onReady(ready);
  } catch {
    // without them it is waited for all the same
  }
}

/** Undefined where asking again may help. */
async function ask(
  client: OnDemandClient,
  contact: Contact,
  {
    leftMs,
    reason,
    signal,
  }: Pick<WakeUp, 'reason'> & { readonly leftMs: number; readonly signal: AbortSignal },
): Promise<VmWake | undefined> {
  signal.throwIfAborted();
  try {
    const waitSeconds = Math.max(1, Math.ceil(leftMs / 1000));
    const timeoutMs = leftMs + 10_000;
    const woken = await client.vm.wake.mutate({ waitSeconds, reason }, { signal, timeoutMs });
    Object.assign(contact, { hasAnswered: true, failure: undefined });
    return woken;
  } catch (error) {
    const { isApiError } = await import('@ondemand/client'); // late, as everywhere here
    if (signal.aborted || !isApiError(error)) throw error;
    contact.hasAnswered ||= error.requestId !== undefined; // a proxy has none
    if (!mayPass(error, contact)) throw error;
    contact.failure = error;
    await sleep(againMs, undefined, { signal });
    return undefined;
  }
}

const againMs = 2000;

function mayPass(
  { code, details, requestId }: OnDemandError,
  { hasAnswered }: Pick<Contact, 'hasAnswered'>,
): boolean {
  if (code === 'TIMEOUT' || code === 'TOO_MANY_REQUESTS') return true;
  const { reason } = details;
  if (
    code === 'SERVICE_UNAVAILABLE' &&
    (reason === 'OUT_OF_CAPACITY' || reason === 'SHUTTING_DOWN')
  )
    return true;
  const isLost =
    code === 'NETWORK_ERROR' || (code === 'SERVICE_UNAVAILABLE' && requestId === undefined);
  return isLost && hasAnswered; // before, the URL may be wrong, or nothing run there
}
