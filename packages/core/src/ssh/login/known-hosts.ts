// ssh2 brings no known_hosts support: this reads OpenSSH's format in full, and decides about a key without any I/O.

import { createHmac, timingSafeEqual } from 'node:crypto';

/** One usable line of a known_hosts file. */
export interface KnownHost {
  readonly revoked: boolean;
  /** Whether the line speaks of this host, given as the file spells it (see `toHostPattern`). */
  matches(host: string): boolean;
  readonly keyType: string;
  /** The public key as it goes over the wire. */
  readonly key: Buffer;
}

export interface HostAddress {
  readonly host: string;
  readonly port: number;
}

/** `changed`: other keys are on file for the host; `unknown`: none is. */
export type HostKeyVerdict = 'accepted' | 'revoked' | 'changed' | 'unknown';

/**
 * Reads a known_hosts file; whatever is no plain or `@revoked` key line (comments, blank lines, `@cert-authority`, damage) is skipped, never guessed at.
 * Format: SSH_KNOWN_HOSTS FILE FORMAT in https://man.openbsd.org/sshd.8
 */
export function parseKnownHosts(text: string): KnownHost[] {
  return text.split(/\r?\n|\r/).flatMap((line) => parseLine(line) ?? []);
}

/** Decides about the key that a host shows; a revoked key is refused whatever other lines say. */
export function matchKnownHost(
  entries: readonly KnownHost[],
  { host, port, key }: HostAddress & { readonly key: Buffer },
): HostKeyVerdict {
  const name = toHostPattern({ host, port });
  const matching = entries.filter((entry) => entry.matches(name));
  const same = matching.filter((entry) => entry.key.equals(key));
  if (same.some((entry) => entry.revoked)) return 'revoked';
  if (same.length > 0) return 'accepted';
  return matching.some((entry) => !entry.revoked) ? 'changed' : 'unknown';
}

/** The key types on file for a host, in the file's order, each once, revoked keys left out. */
export function knownKeyTypes(entries: readonly KnownHost[], address: HostAddress): string[] {
  const name = toHostPattern(address);
  const revoked = entries.filter((entry) => entry.revoked && entry.matches(name));
  const types = entries
    .filter((entry) => !entry.revoked && entry.matches(name))
    .filter((entry) => !revoked.some((other) => other.key.equals(entry.key)))
    .map((entry) => entry.keyType);
  return [...new Set(types)];
}

/** A host as known_hosts spells it: lower case, in brackets with its port unless that is 22. */
export function toHostPattern({ host, port }: HostAddress): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

const keyTypePattern = /^[a-z0-9][a-z0-9@.-]*$/i;
const base64Pattern = /^[A-Za-z0-9+/]+={0,2}$/;

function parseLine(line: string): KnownHost | undefined {
  const fields = line
    .replace(/^\uFEFF/, '')
    .trim()
    .split(/[ \t]+/);
  const marker = fields[0]?.startsWith('@') ? fields.shift() : undefined;
  if (marker !== undefined && marker !== '@revoked') return undefined;
  const [hosts, keyType, encoded] = fields;
  if (hosts === undefined || keyType === undefined || encoded === undefined) return undefined;
  if (hosts.startsWith('#') || !keyTypePattern.test(keyType)) return undefined;
  const key = parseKey(keyType, encoded);
  const matches = parseHosts(hosts);
  if (key === undefined || matches === undefined) return undefined;
  return { revoked: marker === '@revoked', matches, keyType, key };
}

function parseKey(keyType: string, encoded: string): Buffer | undefined {
  if (!base64Pattern.test(encoded)) return undefined;
  const key = Buffer.from(encoded, 'base64');
  // A key blob starts with its own type as an SSH string; a line whose two types differ is damaged.
  if (key.length < 4) return undefined;
  const length = key.readUInt32BE(0);
  if (length !== Buffer.byteLength(keyType) || key.length <= 4 + length) return undefined;
  return key.subarray(4, 4 + length).toString('latin1') === keyType ? key : undefined;
}

function parseHosts(hosts: string): ((host: string) => boolean) | undefined {
  if (hosts.startsWith('|')) return parseHashedHost(hosts);
  const patterns = hosts
    .toLowerCase()
    .split(',')
    .filter((pattern) => pattern !== '' && pattern !== '!')
    .map((pattern) => ({
      negated: pattern.startsWith('!'),
      test: toGlob(pattern.replace(/^!/, '')),
    }));
  if (patterns.length === 0) return undefined;
  // A negated match rules the whole line out, whatever else is on it.
  return (host) => {
    const hits = patterns.filter((pattern) => pattern.test(host));
    return hits.length > 0 && !hits.some((pattern) => pattern.negated);
  };
}

function parseHashedHost(hashed: string): ((host: string) => boolean) | undefined {
  const [, version, salt, hash, ...rest] = hashed.split('|');
  if (version !== '1' || salt === undefined || hash === undefined || rest.length > 0) {
    return undefined;
  }
  if (!base64Pattern.test(salt) || !base64Pattern.test(hash)) return undefined;
  const expected = Buffer.from(hash, 'base64');
  const saltBytes = Buffer.from(salt, 'base64');
  if (expected.length !== 20) return undefined;
  return (host) => timingSafeEqual(createHmac('sha1', saltBytes).update(host).digest(), expected);
}

// Only `*` and `?` are special, brackets are not: `[10.0.0.*]:2222` is a pattern. Iterative, as a
// regular expression built from a file could be made to backtrack without end.
function toGlob(pattern: string): (text: string) => boolean {
  return (text) => {
    let p = 0;
    let t = 0;
    let star = -1;
    let resumeAt = 0;
    while (t < text.length) {
      if (pattern[p] === '*') {
        star = p++;
        resumeAt = t;
      } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
        p++;
        t++;
      } else if (star >= 0) {
        p = star + 1;
        t = ++resumeAt;
      } else {
        return false;
      }
    }
    while (pattern[p] === '*') p++;
    return p === pattern.length;
  };
}
