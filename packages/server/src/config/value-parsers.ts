// The kinds of values that variables of the environment have, each refused with what it must be.

import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { z } from 'zod';

export const text = z.string().trim().min(1, 'must not be empty');

/** Like every number here, only in plain decimals: `Number` would read 0x10 and 5e3 too. */
export const seconds = text
  .regex(/^\d+(\.\d+)?$/, 'must be a number of seconds')
  .transform(Number)
  .pipe(z.number('must be a number of seconds').positive('must be above 0').max(86_400));

/** None at all is fine. */
export const amount = text
  .regex(/^\d{1,6}(\.\d+)?$/, 'must be a number that is not negative')
  .transform(Number);

/** So many of a unit, or `off`. */
export const span = text
  .regex(/^(off|\d{1,6}(\.\d+)?)$/, 'must be a positive number, or off')
  .transform((value) => (value === 'off' ? undefined : Number(value)))
  .refine((value) => value !== 0, 'must be a positive number, or off');

export const truth = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((value) => value === 'true');

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

/** A name or an address and nothing else: what `ssh` takes beside it has variables of its own. */
export const host = text.superRefine((value, { addIssue }) => {
  const problem = isIP(value) === 0 ? findHostProblem(value) : undefined;
  if (problem !== undefined) addIssue({ code: 'custom', message: problem });
});

function findHostProblem(value: string): string | undefined {
  if (value.includes('://')) return 'must be a host name or an address, not a URL';
  if (value.includes('@')) return 'must be the host alone; the user goes into SSH_USER';
  if (/^\[.*\]$/.test(value)) return 'an IPv6 address stands here without brackets';
  if (/^(\[.*\]|[^:]*):\d+$/.test(value))
    return 'must be the host alone; the port goes into SSH_PORT';
  return /^[\p{L}\p{N}_]([\p{L}\p{N}._-]*[\p{L}\p{N}_.])?$/u.test(value)
    ? undefined
    : 'must be a host name or an address';
}

/** A leading `~` is the home folder. */
export const file = text.transform((path) => path.replace(/^~(?=\/|$)/, homedir()));

/** User and password would be of no use: `fetch` takes no URL that holds them. */
const anyUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .refine(hasNoUser, 'must have no user and no password');
const bareUrl = anyUrl.refine((value) => !/[?#]/.test(value), 'must have no query and no fragment');
const cutSlashes = (value: string) => value.replace(/\/+$/, '');

export const url = anyUrl.transform(cutSlashes);

export const redisUrl = z.url({
  protocol: /^rediss?$/,
  error: 'must be a redis or rediss URL, such as redis://127.0.0.1:6379',
});

/** To which paths are added. */
export const baseUrl = bareUrl.transform(cutSlashes);

/** Exact, as the issuer writes it into tokens; so no trailing slash is cut off. */
export const issuer = bareUrl.refine(
  (value) => !value.includes('/.well-known/'),
  'must be the issuer itself, not its discovery document; leave out /.well-known/ and what follows',
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
  .transform(splitList)
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

export const origins = z
  .string()
  .transform((value) => splitList(value).map(toOrigin))
  .pipe(z.array(z.string('must list exact origins, such as https://app.example.com')));

/** What Fastify takes, of which a number of hops trusts nobody: https://fastify.dev/docs/latest/Reference/Server/#trustproxy */
export const proxies = text
  .refine(
    (value) => !/^\d+$/.test(value),
    'takes no number of hops, by which no proxy is told from a caller; list addresses and networks, comma-separated',
  )
  .refine(isProxies, 'must be `true`, `false`, or addresses and networks, comma-separated')
  .transform((value) => flag(value) ?? value);

/** OpenTelemetry's form of them: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables */
export const pairs = text
  .transform((value) => splitList(value).map((pair) => /^([^=]+)=(.*)$/.exec(pair)))
  .refine(
    (found) => found.every((pair) => pair !== null),
    'must be name=value pairs, comma-separated',
  )
  .transform((found) =>
    Object.fromEntries(
      found.map((pair) => [pair?.[1]?.trim() ?? '', decodePercent(pair?.[2]?.trim() ?? '')]),
    ),
  );

/** From none to all. */
export const share = text
  .regex(/^(0|1|0?\.\d+|1\.0+|0\.0*)$/, 'must be a number from 0 to 1')
  .transform(Number);

function decodePercent(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function hasNoUser(value: string): boolean {
  const { username = '', password = '' } = URL.canParse(value) ? new URL(value) : {};
  return username === '' && password === '';
}

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** As a browser sends it; undefined for what is none. */
function toOrigin(value: string): string | undefined {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  const isExact = /^https?:$/.test(parsed?.protocol ?? '') && !value.includes('*'); // which a URL may hold
  if (parsed === undefined || !isExact) return undefined;
  return parsed.href === `${parsed.origin}/` ? parsed.origin : undefined;
}

function flag(value: string): boolean | undefined {
  return { true: true, false: false }[value];
}

function isProxies(value: string): boolean {
  return flag(value) !== undefined || value.split(',').every((part) => isNetwork(part.trim()));
}

function isNetwork(value: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(value)) return true;
  const [address = '', prefix, ...more] = value.split('/');
  const maxBits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  const bits = prefix === undefined ? maxBits : Number(/^\d{1,3}$/.test(prefix) ? prefix : 0);
  return more.length === 0 && bits >= 1 && bits <= maxBits;
}
