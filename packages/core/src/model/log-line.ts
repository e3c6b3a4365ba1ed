// A line of a followed log, and the ways to say from where on a log is wanted.

import { z } from 'zod';

export const logLineSchema = z
  .object({
    line: z.string().describe('Without its newline'),
    stream: z.enum(['stdout', 'stderr']).describe('Where the container wrote it'),
    time: z
      .string()
      .optional()
      .describe('RFC 3339 with nanoseconds, when `timestamps` was asked for'),
  })
  .meta({ id: 'LogLine', description: "A line of a container's log" });
export type LogLine = z.infer<typeof logLineSchema>;

/** Seconds and nanoseconds of Unix time, as Docker stamps and orders things. */
export interface LogTime {
  readonly seconds: number;
  readonly nanos: number;
}

export function compareTimes(a: LogTime, b: LogTime): number {
  return a.seconds - b.seconds || a.nanos - b.nanos;
}

/** The engine buffers stdout and stderr apart: across the two, times go back by some milliseconds. More than this is a clock that was set. */
export const disorderSeconds = 2;

/** From the beginning, or so many of the last lines. */
export type LogTail = number | 'all';

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  '\u00b5s': 1e-3, // the micro sign
  '\u03bcs': 1e-3, // the Greek letter
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** As Go's time.ParseDuration and with days: https://pkg.go.dev/time#ParseDuration */
const durationPart = /(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})([nu\u00b5\u03bcm]s|[smhd])/;
const durationPattern = new RegExp(`^(?:${durationPart.source})+$`);
const unixPattern = /^(\d{1,12})(?:\.(\d{1,9}))?$/;
const stampPattern =
  /^(\d{4}-\d\d-\d\d(?:T(?:[01]\d|2[0-3])(?::\d\d(?::\d\d)?)?)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/;

export const logSinceSchema = z
  .string()
  .refine(
    isSince,
    'must be a time (2026-02-08T10:15:30Z), Unix seconds, or how long ago (10m, 1h30m)',
  )
  .describe('Lines from then on: RFC 3339, Unix seconds, or how long ago (10m, 1h30m, 2d)');

/** What `logSinceSchema` lets through as a time; without a zone it is UTC. */
export function parseSince(text: string, now: Date): LogTime {
  if (durationPattern.test(text)) {
    const ms = [...text.matchAll(new RegExp(durationPart, 'g'))]
      .map(([, count, unit = '']) => Number(count) * (unitMs[unit] ?? 1))
      .reduce((sum, part) => sum + part, 0);
    return fromMs(Math.max(0, now.getTime() - ms));
  }
  const [, unixSeconds, unixFraction = ''] = unixPattern.exec(text) ?? [];
  if (unixSeconds !== undefined)
    return { seconds: Number(unixSeconds), nanos: toNanos(unixFraction) };
  const [, moment = '', fraction = '', zone = 'Z'] = stampPattern.exec(text) ?? [];
  const full = { 10: `${moment}T00:00`, 13: `${moment}:00` }[moment.length] ?? moment;
  return { seconds: Math.floor(Date.parse(`${full}${zone}`) / 1000), nanos: toNanos(fraction) };
}

/** RFC 3339 with nine digits, as docker logs -t prints it. */
export function toStampText({ seconds, nanos }: LogTime): string {
  const second = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${second}.${String(nanos).padStart(9, '0')}Z`;
}

function isSince(text: string): boolean {
  if (durationPattern.test(text) || unixPattern.test(text)) return true;
  if (!stampPattern.test(text) || Number.isNaN(parseSince(text, new Date(0)).seconds)) return false;
  // `Date` takes the 30th of February for the 2nd of March.
  const [date = ''] = text.split('T', 1);
  return new Date(date.slice(0, 10)).toISOString().startsWith(date.slice(0, 10));
}

function fromMs(ms: number): LogTime {
  return { seconds: Math.floor(ms / 1000), nanos: Math.floor((ms % 1000) * 1_000_000) };
}

function toNanos(fraction: string): number {
  return Number(fraction.padEnd(9, '0'));
}
