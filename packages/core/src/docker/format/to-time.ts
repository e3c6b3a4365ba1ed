// The engine's times as callers read them.

/** ISO 8601 in UTC, to the millisecond; `null` for what is no time, and for the engine's own zero, which stands for never. */
export function toMoment(text: string | null | undefined): string | null {
  const time = new Date(text ?? '');
  const isTime = !Number.isNaN(time.getTime()) && time.getUTCFullYear() > 1;
  return isTime ? time.toISOString() : null;
}
