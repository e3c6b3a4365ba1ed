// A lease that is held for as long as a command runs, and that ends by itself soon after this process was killed.

import { setTimeout as sleepFor } from 'node:timers/promises';
import type { OnDemandClient } from '@ondemand/client';

/** How long the VM stays on after this process was killed, at most. */
export const leaseMinutes = 5;
/** Renewed so early that one attempt may fail. */
export const renewAfterMs = 2 * 60_000;
export const retryAfterMs = 30_000;

export interface LeaseOptions {
  readonly client: OnDemandClient;
  /** What it is for, which others are shown. */
  readonly reason: string;
  readonly signal: AbortSignal;
  /** Whether a lease that cannot be taken at first is thrown. */
  readonly isRequired: boolean;
  /** Told of the first failure; later ones are only tried again. */
  readonly onFailure: (error: unknown) => void;
  /** Resolves early when aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

/** Resolves once there is one, or once it could not be taken. Disposing ends it; what fails then is of no concern, as it ends by itself. */
export async function holdLease(options: LeaseOptions): Promise<AsyncDisposable> {
  const { client, isRequired, onFailure, sleep = defaultSleep } = options;
  const leaving = new AbortController();
  const reason = options.reason.replace(/\p{Cc}/gu, ' ').slice(0, maxReasonLength);
  let held: string | undefined;
  let hasFailed = false;

  async function take(call: { signal?: AbortSignal; timeoutMs?: number }): Promise<void> {
    const { id } = await client.vm.takeLease.mutate({ minutes: leaseMinutes, reason }, call);
    const last = held;
    held = id;
    await end(last);
  }

  async function end(id: string | undefined): Promise<void> {
    if (id === undefined) return;
    await client.vm.releaseLease.mutate({ id }, { timeoutMs: releaseTimeoutMs }).catch(() => {});
  }

  function note(error: unknown): false {
    if (!hasFailed) onFailure(error);
    hasFailed = true;
    return false;
  }

  async function renew(isHeld: boolean): Promise<void> {
    let isWell = isHeld;
    for (;;) {
      await sleep(isWell ? renewAfterMs : retryAfterMs, leaving.signal);
      if (leaving.signal.aborted) return;
      isWell = await take({ timeoutMs: renewTimeoutMs }).then(() => true, note);
    }
  }

  const isHeld = await take({ signal: options.signal }).then(
    () => true,
    (error: unknown) => {
      if (isRequired || options.signal.aborted) throw error;
      return note(error);
    },
  );
  const renewing = renew(isHeld);
  return {
    async [Symbol.asyncDispose]() {
      leaving.abort();
      await renewing;
      await end(held);
    },
  };
}

/** The API's own. */
const maxReasonLength = 200;
const renewTimeoutMs = 15_000;
/** The user waits for it. */
const releaseTimeoutMs = 5_000;

const defaultSleep = (ms: number, signal: AbortSignal) =>
  sleepFor(ms, undefined, { signal, ref: false }).catch(() => {});
