// The message for a call whose answer was lost: a mutation may have taken effect anyway.

export interface ConnectionLoss {
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface ConnectionLossOptions {
  readonly mayHaveRun: boolean;
  readonly advice?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** `details.outcome` is `'unknown'` exactly when the call may have run. */
export function toConnectionLoss(
  what: string,
  { mayHaveRun, advice, details = {} }: ConnectionLossOptions,
): ConnectionLoss {
  if (!mayHaveRun) return { message: advice ? `${what}; ${advice}` : what, details };
  return {
    message: `${what}; whether the action took place is unknown, so look before you repeat it`,
    details: { ...details, outcome: 'unknown' },
  };
}
