// The kinds of values that variables of the environment have, each refused with what it must be; addresses have a file of their own.

import { validateHeaderName, validateHeaderValue } from 'node:http';
import { homedir } from 'node:os';
import { z } from 'zod';

export const text = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .regex(/^\P{Cc}*$/u, 'must not hold control characters');

/** Kept with its blanks; the end of its line, which a file has and some env files leave a part of, is none of it. */
export const secret = z.string().transform(cutLineEnd).pipe(z.string().min(1, 'must not be empty'));

export function cutLineEnd(value: string): string {
  return value.replace(/[\r\n]+$/, '');
}

export function oneOf<const Words extends readonly string[]>(
  words: Words,
  problem?: Parameters<typeof z.enum>[1],
) {
  return z.string().trim().pipe(z.enum(words, problem));
}

/** Like every number here, only in plain decimals: `Number` would read 0x10 and 5e3 too. */
export const seconds = text
  .regex(/^\d+(\.\d+)?$/, 'must be a number of seconds')
  .transform(Number)
  .pipe(
    z
      .number('must be a number of seconds')
      .min(0.001, 'must be above 0, a thousandth of a second at least')
      .max(86_400),
  );

/** None at all is fine. */
export const amount = text
  .regex(/^\d{1,6}(\.\d+)?$/, 'must be a number that is not negative')
  .transform(Number);

/** So many of a unit, or `off`. */
export const span = text
  .regex(/^(off|\d{1,6}(\.\d+)?)$/, 'must be a positive number, or off')
  .transform((value) => (value === 'off' ? undefined : Number(value)))
  .refine((value) => value !== 0, 'must be a positive number, or off');

export const truth = oneOf(['true', 'false'], 'must be true or false').transform(
  (value) => value === 'true',
);

const notAPort = 'must be a port, 1 to 65535';
export const port = text
  .regex(/^\d{1,5}$/, notAPort)
  .transform(Number)
  .pipe(z.number().min(1, notAPort).max(65_535, notAPort));

export const portOrOff = text
  .transform((value) => (value === 'off' ? undefined : value))
  .pipe(port.optional());

/** How much there may be of something; 0 for no limit. */
export const limit = text
  .regex(/^\d{1,7}$/, 'must be a whole number, 0 for no limit')
  .transform(Number);

/** From none to all. */
export const share = text
  .regex(/^(0|1|0?\.\d+|1\.0+|0\.0*)$/, 'must be a number from 0 to 1')
  .transform(Number);

/** A leading `~` is the home folder; it stays where there is none, which `findHomeless` tells. */
export const file = text.transform((path) => expandHome(path));

export function expandHome(path: string, home = homedir): string {
  if (!isBelowHome(path)) return path;
  try {
    return home() + path.slice(1);
  } catch {
    return path;
  }
}

export function isBelowHome(path: string): boolean {
  return /^~(?=\/|$)/.test(path);
}

/** Colon-separated. A value that lists none would mean any folder, so it is refused. */
export const folders = text
  .transform((value) => splitList(value, ':'))
  .pipe(
    z
      .array(z.string().startsWith('/', 'must list absolute folders, colon-separated'))
      .min(1, 'must list one absolute folder at least'),
  );

/** https://www.rfc-editor.org/rfc/rfc6749#section-3.3 */
export const scopeToken = text.regex(
  /^[\x21\x23-\x5b\x5d-\x7e]+$/,
  'must be one scope, without spaces, quotes or backslashes',
);

/** Of JWTs' headers, in lower case: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9 */
export const typs = text
  .transform((value) =>
    splitList(value).map((typ) => typ.toLowerCase().replace(/^application\//, '')),
  )
  .pipe(
    z
      .array(
        z
          .string()
          .regex(/^[a-z0-9][a-z0-9!#$&^_.+-]*$/, 'must list media types, such as at+jwt,JWT'),
      )
      .min(1, 'must name one at least'),
  );

export const claimPaths = text
  .transform((value) => splitList(value))
  .pipe(
    z
      .array(
        z
          .string()
          .regex(
            /^[^\s.]+(?:\.[^\s.]+)*$/,
            'must list names of claims or paths into them, such as scope,realm_access.roles',
          ),
      )
      .min(1, 'must name one at least'),
  );

export const fingerprint = text.regex(
  /^SHA256:[A-Za-z0-9+/]{43}$/,
  'must be SHA256:… as `ssh-keygen -l` prints it',
);

/** OpenTelemetry's form of them: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables */
export const pairs = text
  .transform((value) => splitList(value).map((pair) => /^([^=]+)=(.*)$/.exec(pair) ?? []))
  .refine(
    (found) => found.length > 0 && found.every((pair) => pair.length > 0),
    'must be name=value pairs, comma-separated',
  )
  .transform((found) =>
    Object.fromEntries(
      found.map(([, name = '', value = '']) => [
        name.trim(),
        decodePercent(value.trim()) ?? value.trim(),
      ]),
    ),
  );

export const headers = pairs.refine(areHeaders, 'must be name=value pairs that HTTP headers take');

/** Undefined where a % begins no percent-encoded character. */
export function decodePercent(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function areHeaders(values: Readonly<Record<string, string>>): boolean {
  try {
    for (const [name, value] of Object.entries(values)) {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return true;
  } catch {
    return false;
  }
}

/** Its parts without the blanks around them, and without empty ones. */
export function splitList(value: string, separator = ','): string[] {
  return value
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
