// The three kinds of call, as callers see them.

import type { OnDemandError } from './errors.ts';

export interface CallOptions {
  /** Aborting it rejects the call at once and drops its request; what a mutation began may go on. */
  readonly signal?: AbortSignal | undefined;
  /** Instead of the client's own, for this call. */
  readonly timeoutMs?: number | undefined;
}

export interface SubscribeOptions {
  /** Aborting it drops the request at once; the loop throws `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** How long an opening may take, the first and each later one; by default the client's own, else 30 s. An open stream has no end. */
  readonly timeoutMs?: number | undefined;
  /** Called whenever the stream is open: the first time, and after each lost connection. */
  readonly onOpen?: (() => void) | undefined;
  /** Called whenever a connection was lost, or could not be had again, before the pause that follows. */
  readonly onReconnect?: ((reconnect: Reconnect) => void) | undefined;
}

export interface Reconnect {
  /** Why; the same is thrown when it is the last. */
  readonly error: OnDemandError;
  /** From 1, since something last worked. */
  readonly attempt: number;
  readonly pauseMs: number;
}

/** Reads and changes nothing. */
export interface Query<Input, Output> {
  /** Asks once; rejects with an `OnDemandError` alone. */
  query(input: Input, options?: CallOptions): Promise<Output>;
}

/** Changes something; the client never sends it twice. */
export interface Mutation<Input, Output> {
  /** Sends it once; rejects with an `OnDemandError` alone, whose `details.outcome` is `unknown` where it may have taken effect. */
  mutate(input: Input, options?: CallOptions): Promise<Output>;
}

/** Keeps reading: a stream of items. */
export interface Subscription<Input, Item> {
  /**
   * Each loop over it is a stream of its own, opened when its first item is asked for and closed when the loop is left.
   * Every item comes once, over lost connections; a connection lost for five minutes is thrown as an error.
   */
  subscribe(input: Input, options?: SubscribeOptions): AsyncIterable<Item>;
}
