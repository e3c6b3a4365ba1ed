// The one wording for a call whose answer never came: a mutation may have taken effect all the same.

export interface Loss {
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface LossOptions {
  readonly mayHaveRun: boolean;
  readonly advice?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** `details.outcome` is `'unknown'` exactly when the call may have run. */
export function toLoss(what: string, { mayHaveRun, advice, details = {} }: LossOptions): Loss {
  if (!mayHaveRun) return { message: advice ? `${what}; ${advice}` : what, details };
  return {
    message: `${what}; whether the action took place is unknown, so look before you repeat it`,
    details: { ...details, outcome: 'unknown' },
  };
}
