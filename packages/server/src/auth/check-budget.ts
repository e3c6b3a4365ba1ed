// How many tokens nobody has seen before may be taken to the issuer, so that garbage cannot get us throttled there.

export interface CheckBudget {
  /** 0 when a check may be made now (it is counted), else the seconds until the next one may. */
  take(): number;
}

export interface CheckBudgetOptions {
  /** This many at once, */
  readonly burst: number;
  /** and this many a second in the long run. */
  readonly perSecond: number;
  /** In milliseconds, never going back. */
  readonly now: () => number;
}

/** A token bucket, full at the start. */
export function createCheckBudget({ burst, perSecond, now }: CheckBudgetOptions): CheckBudget {
  let left = burst;
  let atMs = now();
  return {
    take() {
      const nowMs = now();
      left = Math.min(burst, left + ((nowMs - atMs) / 1000) * perSecond);
      atMs = nowMs;
      if (left < 1) return Math.ceil((1 - left) / perSecond);
      left -= 1;
      return 0;
    },
  };
}
