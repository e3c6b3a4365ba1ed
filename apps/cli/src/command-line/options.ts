// The options that more than one command has, and the parsers of their values.

import { usageError } from '../cli-error.ts';
import { parseContextName } from '../login/context-name.ts';
import type { Flag, Valued } from './command.ts';

/** Options of every command, before or after its name. */
export const globalOptions = {
  json: flag("Print the API's own JSON and nothing else"),
  url: {
    kind: 'value',
    placeholder: 'URL',
    summary: 'Where the API is (default: ONDEMAND_URL, else the context says it)',
    fallback: undefined,
    parse: (text) => text,
  } satisfies Valued<string | undefined> as Valued<string | undefined>, // `satisfies` alone would narrow the fallback to undefined
  context: {
    kind: 'value',
    placeholder: 'NAME',
    summary: 'The API and login to use (default: ONDEMAND_CONTEXT, the current one)',
    from: 'contexts',
    fallback: undefined,
    parse: parseContextName,
  } satisfies Valued<string | undefined> as Valued<string | undefined>,
  help: flag('Show help', 'h'),
} as const;

/** Options of `ondemand` itself. */
export const rootOptions = { ...globalOptions, version: flag('Show the version') } as const;

export function flag(summary: string, short?: string): Flag {
  return { kind: 'flag', summary, ...(short !== undefined && { short }) };
}

/** Any text; undefined where it is left out. */
export function textOption(
  option: Pick<Valued<unknown>, 'short' | 'placeholder' | 'summary'>,
  parse: (text: string) => string = (text) => text,
): Valued<string | undefined> {
  return { kind: 'value', fallback: undefined, parse, ...option };
}

/** Any texts, in their order. */
export function listOption(
  option: Pick<Valued<unknown>, 'short' | 'placeholder' | 'summary'>,
  parse: (text: string) => string = (text) => text,
): Valued<readonly string[]> {
  return { kind: 'value', fallback: [], isList: true, parse: (text) => [parse(text)], ...option };
}

/** A whole number from `min` to `max`, in decimal digits only. */
export function parseCount(text: string, { min, max }: { min: number; max: number }): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= min && count <= max) return count;
  throw usageError(`needs a whole number from ${min} to ${max}, not '${text}'`);
}

/** Of `--timeout`; its summary says the same. */
export const defaultTimeoutMs = 10 * 60_000;

/** `--timeout`, of what waits for the VM. */
export function timeoutOption(summary: string): Valued<number> {
  return {
    kind: 'value',
    placeholder: 'DURATION',
    summary: `${summary}, such as 90s or 1h (default: 10m)`,
    fallback: defaultTimeoutMs,
    parse: parseDuration,
  };
}

/** Of what acts on containers, and can wake the VM for it. */
export const wakeOptions = {
  wake: flag('Wake the VM first, and wait until it is ready'),
  timeout: timeoutOption('How long --wake waits at most'),
} as const;

/** `90s`, `10m`, `1h`, `1h30m` in milliseconds; more than nothing, at most a day. */
export function parseDuration(text: string): number {
  const match = /^(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,5})s)?$/.exec(text);
  const [, hours = 0, minutes = 0, seconds = 0] = match ?? [];
  const durationMs = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  if (durationMs > 0 && durationMs <= maxDurationMs) return durationMs;
  throw usageError(`needs a duration such as 90s, 10m or 1h30m, up to 24h, not '${text}'`);
}

const maxDurationMs = 24 * 3_600_000;
