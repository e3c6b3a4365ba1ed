// Docker tells time in nanoseconds and prints it its own way; JavaScript's dates cannot hold either.

/** Nanoseconds since the epoch; 0n is Go's zero time, "never". */
export type NanoTime = bigint;

/** Gives the time now, strictly increasing from call to call. */
export type NanoClock = () => NanoTime;

const nanosPerMilli = 1_000_000n;
const nanosPerSecond = 1_000_000_000n;

/** A clock that starts at the wall clock's time and then goes on by the monotonic one. */
export function createNanoClock(): NanoClock {
  const offset = BigInt(Date.now()) * nanosPerMilli - process.hrtime.bigint();
  let last = 0n;
  return () => {
    const now = process.hrtime.bigint() + offset;
    last = now > last ? now : last + 1n;
    return last;
  };
}

export function millisToNanos(ms: number): NanoTime {
  return BigInt(Math.round(ms * 1_000)) * 1_000n;
}

export function nanosToMillis(time: NanoTime): number {
  return Number(time / 1_000n) / 1_000;
}

export function nanosToSeconds(time: NanoTime): number {
  return Number(time / nanosPerSecond);
}

/** RFC 3339 with exactly nine digits, as log lines carry it. */
export function formatLogTime(time: NanoTime): string {
  return `${formatSecond(time)}.${fraction(time)}Z`;
}

/** RFC 3339 as Go prints it in JSON: no trailing zeros in the fraction, year 1 for "never". */
export function formatTime(time: NanoTime): string {
  if (time === 0n) return '0001-01-01T00:00:00Z';
  const digits = fraction(time).replace(/0+$/, '');
  return `${formatSecond(time)}${digits === '' ? '' : `.${digits}`}Z`;
}

/** Reads what Docker takes for `since` and `until`: seconds with up to nine decimals, or RFC 3339; undefined for anything else. */
export function parseTime(text: string): NanoTime | undefined {
  const seconds = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (seconds) {
    return BigInt(seconds[1] ?? 0) * nanosPerSecond + BigInt((seconds[2] ?? '').padEnd(9, '0'));
  }
  const date = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!date) return undefined;
  const ms = Date.parse(`${date[1]}${date[3]}`);
  if (Number.isNaN(ms)) return undefined;
  return BigInt(ms) * nanosPerMilli + BigInt((date[2] ?? '').padEnd(9, '0'));
}

function formatSecond(time: NanoTime): string {
  return new Date(nanosToSeconds(time) * 1_000).toISOString().slice(0, 19);
}

function fraction(time: NanoTime): string {
  return String(time % nanosPerSecond).padStart(9, '0');
}
