// The engine's numbers as callers get them: whole, and none that JSON's readers would round.

const most = Number.MAX_SAFE_INTEGER;

/** What is missing is 0. A limit that means "none" may be beyond what is a safe integer. */
export function toWhole(value: number | null | undefined): number {
  return Math.min(Math.max(-most, Math.trunc(value ?? 0)), most);
}

/** The same for what is never below 0. */
export function toCount(value: number | null | undefined): number {
  return Math.max(0, toWhole(value));
}
