// The engine's times as callers read them.

/** ISO 8601 in UTC, to the millisecond; `null` for what is no time, for the engine's own zero, which stands for never, and for a year that ISO 8601 has no four digits for. */
export function toMoment(text: string | null | undefined): string | null {
  const time = new Date(text ?? '');
  const year = time.getUTCFullYear(); // NaN where it is no time
  return year > 1 && year < 10_000 ? time.toISOString() : null;
}
