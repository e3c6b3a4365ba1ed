// The hosts, URLs, origins and networks that variables of the environment name, each refused with what it must be.

import { isIP } from 'node:net';
import { z } from 'zod';
import { decodePercent, splitList, text } from './value-parsers.ts';

/** A name or an address and nothing else: what stands beside it elsewhere has variables of its own. */
function hostBeside(variables: { readonly port: string; readonly user?: string }) {
  return text.superRefine((value, { addIssue }) => {
    const problem = isIP(value) === 0 ? findHostProblem(value, variables) : undefined;
    if (problem !== undefined) addIssue({ code: 'custom', message: problem });
  });
}

export const listenHost = hostBeside({ port: 'PORT' });
export const sshHost = hostBeside({ port: 'SSH_PORT', user: 'SSH_USER' });

function findHostProblem(
  value: string,
  { port, user }: Parameters<typeof hostBeside>[0],
): string | undefined {
  if (value.includes('://')) return 'must be a host name or an address, not a URL';
  if (value.includes('@') && user !== undefined)
    return `must be the host alone; the user goes into ${user}`;
  if (/^\[.*\]$/.test(value)) return 'an IPv6 address stands here without brackets';
  if (/^(\[.*\]|[^:]*):\d+$/.test(value))
    return `must be the host alone; the port goes into ${port}`;
  const isName = /^[\p{L}\p{N}_]([\p{L}\p{N}._-]*[\p{L}\p{N}_.])?$/u.test(value);
  return isName && URL.canParse(`http://${value}`) // which takes no 256.1.1.1
    ? undefined
    : 'must be a host name or an address';
}

/** As it is given. User and password would be of no use: `fetch` takes no URL that holds them. */
export const url = text
  .regex(/^https?:\/\/[^\s/\\]\S*$/i, 'must be an http or https URL')
  .refine((value) => URL.canParse(value), 'must be an http or https URL')
  .refine(hasNoUser, 'must have no user and no password');

const bareUrl = url.refine((value) => !/[?#]/.test(value), 'must have no query and no fragment');

/** To which paths are added. */
export const baseUrl = bareUrl.transform((value) => new URL(value).href.replace(/\/+$/, ''));

/** Exact, as the issuer writes it into tokens; so no trailing slash is cut off. */
export const issuer = bareUrl.refine(
  (value) => !value.includes('/.well-known/'),
  'must be the issuer itself, not its discovery document; leave out /.well-known/ and what follows',
);

const notARedisUrl = 'must be a redis or rediss URL, such as redis://127.0.0.1:6379';

/** With its scheme in lower case: ioredis takes no other for TLS. */
export const redisUrl = text
  .regex(/^rediss?:\/\/\S*$/i, notARedisUrl)
  .refine((value) => URL.canParse(value), notARedisUrl)
  .refine(
    canDecodeUser,
    'holds a % in its user or password that begins no percent-encoded character; write %25 for it',
  )
  .transform((value) => new URL(value).href);

/** Whoever lists none at all has made a mistake. */
export const origins = text
  .transform((value) => splitList(value).map(toOrigin))
  .pipe(
    z
      .array(z.string('must list exact origins, such as https://app.example.com'))
      .min(1, 'must list one origin at least, such as https://app.example.com'),
  );

/** What Fastify takes, of which a number of hops trusts nobody: https://fastify.dev/docs/latest/Reference/Server/#trustproxy */
export const proxies = text
  .refine(
    (value) => !/^\d+$/.test(value),
    'takes no number of hops, by which no proxy is told from a caller; list addresses and networks, comma-separated',
  )
  .refine(isProxies, 'must be `true`, `off`, or addresses and networks, comma-separated')
  .transform((value) => flag(value) ?? value);

function hasNoUser(value: string): boolean {
  const { username = '', password = '' } = URL.canParse(value) ? new URL(value) : {};
  return username === '' && password === '';
}

function canDecodeUser(value: string): boolean {
  const { username = '', password = '' } = URL.canParse(value) ? new URL(value) : {};
  return [username, password].every((part) => decodePercent(part) !== undefined);
}

/** As a browser sends it; undefined for what is none. */
function toOrigin(value: string): string | undefined {
  const parsed = URL.canParse(value) ? new URL(value) : undefined;
  const isExact = /^https?:$/.test(parsed?.protocol ?? '') && !value.includes('*'); // which a URL may hold
  if (parsed === undefined || !isExact) return undefined;
  return parsed.href === `${parsed.origin}/` ? parsed.origin : undefined;
}

function flag(value: string): boolean | undefined {
  return { true: true, false: false, off: false }[value];
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
