// Verifies the server's host key: ssh2 accepts any key by default, so this returns true or false, synchronously.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AppError } from '../../app-error.ts';
import type { SshReason } from '../to-app-error.ts';
import {
  type HostAddress,
  type HostKeyVerdict,
  knownKeyTypes,
  matchKnownHost,
  parseKnownHosts,
} from './known-hosts.ts';

export interface HostKeyOptions {
  /** `SHA256:…` as `ssh-keygen -l` prints it; when given, nothing else counts. */
  readonly hostKeyFingerprint?: string | undefined;
  readonly knownHostsFile?: string | undefined;
}

/** One attempt's view of what is trusted; it does not change while the attempt lasts. */
export interface HostKeyTrial {
  /** What to offer as `serverHostKey`: the types on file first, so that the server shows a key we can know. */
  readonly algorithms: string[];
  /** True only for a trusted key; decides synchronously and never throws. */
  verify(key: Buffer): boolean;
  /** Why the key was refused; undefined as long as none was. */
  readonly refusal: AppError | undefined;
  /** A pin does not say its key's type: true when the server may hold the pinned key under another type, which `algorithms` then asks for. */
  tryOtherTypes(): boolean;
}

export interface HostKeyCheck {
  /** Reads the known hosts each time, so that a repair needs no restart; an unreadable file trusts nothing. */
  prepare(address: HostAddress): Promise<HostKeyTrial>;
}

/** A pin in the one spelling that is compared: no padding, no blanks; undefined when it is no `SHA256:` fingerprint. */
export function parseFingerprint(text: string): string | undefined {
  const match = /^SHA256:([A-Za-z0-9+/]{43})=?$/.exec(text.trim());
  return match === null ? undefined : `SHA256:${match[1]}`;
}

/** The fingerprint of a public key, as `ssh-keygen -l` prints it. */
export function toFingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** Trusts the pinned key, else the keys of the known hosts file; there is no trust on first use. */
export function createHostKeyCheck({
  hostKeyFingerprint,
  knownHostsFile,
}: HostKeyOptions): HostKeyCheck {
  // Which type the pinned key has is learned once, so that later attempts ask for it first.
  let pinnedType: string | undefined;
  return {
    async prepare(address) {
      if (hostKeyFingerprint !== undefined) {
        return createPinTrial(address, {
          pin: parseFingerprint(hostKeyFingerprint),
          firstType: pinnedType,
          onMatch: (type) => {
            pinnedType = type;
          },
        });
      }
      return createFileTrial(address, await readKnownHosts(knownHostsFile));
    },
  };
}

// ssh-rsa itself (SHA-1) is left out: every sshd since OpenSSH 7.2 signs with SHA-2.
const algorithmsByType = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
} as const satisfies Record<string, readonly string[]>;

const allTypes: readonly string[] = Object.keys(algorithmsByType);

/** Signature algorithms for key types, `first` first; types that cannot be verified are left out. */
export function toAlgorithms(first: readonly string[]): string[] {
  const types = [...first, ...allTypes.filter((type) => !first.includes(type))];
  return types.flatMap((type) => algorithmsFor(type));
}

function algorithmsFor(type: string): readonly string[] {
  return type in algorithmsByType
    ? algorithmsByType[type as keyof typeof algorithmsByType] // `in` has just proved it.
    : [];
}

function createPinTrial(
  address: HostAddress,
  {
    pin,
    firstType,
    onMatch,
  }: {
    pin: string | undefined;
    firstType: string | undefined;
    onMatch: (type: string) => void;
  },
): HostKeyTrial {
  const seenTypes = new Set<string>();
  let algorithms = toAlgorithms(firstType === undefined ? [] : [firstType]);
  let refusal: AppError | undefined;
  return {
    get algorithms() {
      return algorithms;
    },
    get refusal() {
      return refusal;
    },
    verify(key) {
      const fingerprint = toFingerprint(key);
      const type = readKeyType(key);
      if (pin !== undefined && fingerprint === pin) {
        refusal = undefined;
        onMatch(type);
        return true;
      }
      seenTypes.add(type);
      // The first key seen is the one that the server prefers: the one worth telling about.
      refusal ??= toRefusal('HOST_KEY_MISMATCH', { address, key });
      return false;
    },
    tryOtherTypes() {
      const left = allTypes.filter((type) => !seenTypes.has(type));
      const next = left.flatMap((type) => algorithmsFor(type));
      if (refusal === undefined || next.length === 0 || next.length >= algorithms.length) {
        return false;
      }
      algorithms = next;
      return true;
    },
  };
}

function createFileTrial(address: HostAddress, text: string | undefined): HostKeyTrial {
  const entries = text === undefined ? [] : parseKnownHosts(text);
  let refusal: AppError | undefined;
  return {
    algorithms: toAlgorithms(knownKeyTypes(entries, address)),
    get refusal() {
      return refusal;
    },
    verify(key) {
      const verdict = matchKnownHost(entries, { ...address, key });
      if (text !== undefined && verdict === 'accepted') return true;
      const reason = text === undefined ? 'KNOWN_HOSTS_UNREADABLE' : toReason(verdict);
      refusal = toRefusal(reason, { address, key });
      return false;
    },
    tryOtherTypes: () => false,
  };
}

type RefusalReason = Extract<SshReason, `HOST_KEY_${string}` | 'KNOWN_HOSTS_UNREADABLE'>;

function toReason(verdict: HostKeyVerdict): RefusalReason {
  if (verdict === 'revoked') return 'HOST_KEY_REVOKED';
  return verdict === 'changed' ? 'HOST_KEY_CHANGED' : 'HOST_KEY_UNKNOWN';
}

function toRefusal(
  reason: RefusalReason,
  { address: { host, port }, key }: { address: HostAddress; key: Buffer },
): AppError {
  const fingerprint = toFingerprint(key);
  const keyType = readKeyType(key);
  const compare = `Compare it with what \`ssh-keygen -l\` prints for the VM's own host keys, over another way in such as its serial console`;
  const keyscan = `ssh-keyscan -p ${port} ${host}`;
  const texts: Record<RefusalReason, string> = {
    HOST_KEY_UNKNOWN: `its host key is unknown: it showed ${fingerprint}. ${compare}; if they agree, add the line that \`${keyscan}\` prints to the known hosts file (SSH_KNOWN_HOSTS_FILE), or set SSH_HOST_KEY_FINGERPRINT.`,
    HOST_KEY_CHANGED: `its host key has changed: it showed ${fingerprint}, which is not the one on file. Somebody may be in between, or the VM was recreated. ${compare}; only if they agree, replace its lines in the known hosts file (SSH_KNOWN_HOSTS_FILE) by what \`${keyscan}\` prints.`,
    HOST_KEY_REVOKED: `its host key is revoked: it showed ${fingerprint}, which the known hosts file (SSH_KNOWN_HOSTS_FILE) marks @revoked. Give the VM a new host key, compare it out of band, and put it on file with \`${keyscan}\`.`,
    HOST_KEY_MISMATCH: `its host key is not the pinned one: it showed ${fingerprint}. ${compare}; only if they agree, set SSH_HOST_KEY_FINGERPRINT to it. (\`${keyscan} | ssh-keygen -lf -\` lists all that the VM offers.)`,
    KNOWN_HOSTS_UNREADABLE: `the known hosts file cannot be read, so its host key ${fingerprint} is not trusted. Check SSH_KNOWN_HOSTS_FILE. ${compare}; if they agree, put on file what \`${keyscan}\` prints, or set SSH_HOST_KEY_FINGERPRINT.`,
  };
  return new AppError('SERVICE_UNAVAILABLE', `VM not reachable via SSH: ${texts[reason]}`, {
    details: { reason, fingerprint, keyType },
  });
}

/** `unknown` for what names no plausible type. */
export function readKeyType(key: Buffer): string {
  if (key.length < 4) return 'unknown';
  const type = key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
  // What an unverified peer sends ends up in a message: only a plausible name may.
  return /^[a-z0-9@.-]{1,64}$/.test(type) ? type : 'unknown';
}

async function readKnownHosts(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
}
