// The two kinds of call, as callers see them.

export interface CallOptions {
  /** Aborting it rejects the call at once and drops its request; what a mutation began may go on. */
  readonly signal?: AbortSignal | undefined;
  /** Instead of the client's own, for this call. */
  readonly timeoutMs?: number | undefined;
}

/** Looks and changes nothing. */
export interface Query<Input, Output> {
  query(input: Input, options?: CallOptions): Promise<Output>;
}

/** Changes something; the client never sends it twice. */
export interface Mutation<Input, Output> {
  mutate(input: Input, options?: CallOptions): Promise<Output>;
}
