// SSH login credentials: a private key from a file, else an agent. Read for each attempt, so that a repair needs no restart.

import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import { type AppError, isAppError } from '../../app-error.ts';
import { withDeadline } from '../../concurrency/deadline.ts';
import { toAppError } from '../to-app-error.ts';
import { toFingerprint } from './host-key.ts';

export interface CredentialOptions {
  readonly privateKeyFile?: string | undefined;
  readonly passphrase?: string | undefined;
  /** Used when no key file is given. */
  readonly agentSocket?: string | undefined;
}

/** A key that sshd is offered, for messages. */
export interface LoginKey {
  readonly fingerprint: string;
  /** Of an RSA key. */
  readonly rsaBits?: number | undefined;
}

/** What one attempt logs in with; closing it ends what the agent left open. */
export interface Login extends Disposable {
  /** At least one, in the order in which they are offered. */
  readonly keys: readonly LoginKey[];
  /** Whether sshd has asked for a signature: it knows that key. */
  readonly signed: boolean;
  readonly method:
    | { readonly type: 'publickey'; readonly key: ssh2.ParsedKey }
    | { readonly type: 'agent'; readonly agent: ssh2.BaseAgent };
}

export interface Credentials {
  /** Rejects with `SERVICE_UNAVAILABLE` and the reason when there is nothing usable to log in with; makes no network requests. */
  prepare(signal: AbortSignal): Promise<Login>;
}

const agentTimeoutMs = 2_000;

/** A private key is parsed once per content of its file: opening an encrypted one costs a tenth of a second. */
export function createCredentials({
  privateKeyFile,
  passphrase,
  agentSocket,
}: CredentialOptions): Credentials {
  let cached: { readonly text: string; readonly key: ssh2.ParsedKey } | undefined;
  return {
    async prepare(signal) {
      if (privateKeyFile !== undefined) {
        const text = await readKeyFile(privateKeyFile, signal);
        if (cached?.text !== text) cached = { text, key: openPrivateKey(text, passphrase) };
        return toKeyLogin(cached.key);
      }
      if (agentSocket !== undefined) return openAgent(agentSocket, signal);
      throw toAppError('NO_CREDENTIALS');
    },
  };
}

function toKeyLogin(key: ssh2.ParsedKey): Login {
  let signed = false;
  const watched: ssh2.ParsedKey = Object.assign(Object.create(key) as ssh2.ParsedKey, {
    sign(...options: Parameters<ssh2.ParsedKey['sign']>) {
      signed = true;
      return key.sign(...options);
    },
  });
  return {
    keys: [toLoginKey(key)],
    get signed() {
      return signed;
    },
    method: { type: 'publickey', key: watched },
    [Symbol.dispose]: () => {},
  };
}

async function readKeyFile(file: string, signal: AbortSignal): Promise<string> {
  try {
    return await readFile(file, { encoding: 'utf8', signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw toAppError('KEY_UNREADABLE', { cause });
  }
}

/** Throws `SERVICE_UNAVAILABLE` with what is wrong, never with what is in the key. */
export function openPrivateKey(text: string, passphrase: string | undefined): ssh2.ParsedKey {
  const parsed = ssh2.utils.parseKey(text, passphrase);
  if (!(parsed instanceof Error)) {
    // One key a file, though the old type says it may be several.
    const key: ssh2.ParsedKey | undefined = Array.isArray(parsed) ? parsed[0] : parsed;
    if (key?.isPrivateKey()) return key;
    throw toAppError('KEY_INVALID');
  }
  if (/-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/.test(text)) return openPkcs8(text, passphrase);
  // The last is Node's, of a cipher that authenticates (`ssh-keygen -Z aes256-gcm@openssh.com`).
  if (!/passphrase|encrypted|decrypt|integrity|unable to authenticate/i.test(parsed.message)) {
    throw toAppError('KEY_INVALID', { cause: parsed });
  }
  throw toPassphraseError(passphrase, parsed);
}

// ssh2 does not read PKCS#8, which OpenSSL writes; RSA and EC keys have an older form that both know.
function openPkcs8(text: string, passphrase: string | undefined): ssh2.ParsedKey {
  try {
    const key = createPrivateKey({ key: text, ...(passphrase && { passphrase }) });
    const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1';
    const pem = key.export({ type, format: 'pem' }).toString();
    return openPrivateKey(pem, undefined);
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const isEncrypted = text.includes('BEGIN ENCRYPTED');
    if (isEncrypted && /PASSPHRASE|OSSL/.test(code)) throw toPassphraseError(passphrase, cause);
    throw toAppError('KEY_INVALID', { cause });
  }
}

function toPassphraseError(passphrase: string | undefined, cause: unknown): AppError {
  return toAppError(passphrase ? 'PASSPHRASE_WRONG' : 'PASSPHRASE_MISSING', { cause });
}

async function openAgent(socketPath: string, signal: AbortSignal): Promise<Login> {
  const agent = new ssh2.OpenSSHAgent(socketPath);
  const streams = new Set<Duplex>();
  const close = () => {
    for (const stream of streams) stream.destroy();
  };
  // ssh2 waits for an agent's answer without limit: whatever it opens there ends with the attempt.
  const getStream = agent.getStream.bind(agent);
  agent.getStream = (callback) =>
    getStream((error, stream) => {
      if (stream) streams.add(stream);
      stream?.on('close', () => streams.delete(stream));
      callback(error ?? undefined, stream);
    });
  let signed = false;
  const sign = agent.sign.bind(agent) as (...options: unknown[]) => void; // which has overloads
  Object.assign(agent, {
    sign(...options: unknown[]) {
      signed = true;
      sign(...options);
    },
  });
  try {
    const keys = await withDeadline(() => listKeys(agent), {
      timeoutMs: agentTimeoutMs,
      signal,
      onTimeout: () => toAppError('AGENT_UNAVAILABLE'),
    });
    if (keys.length === 0) throw toAppError('AGENT_EMPTY');
    return {
      keys,
      get signed() {
        return signed;
      },
      method: { type: 'agent', agent },
      [Symbol.dispose]: close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

function listKeys(agent: ssh2.BaseAgent): Promise<LoginKey[]> {
  return new Promise((resolve, reject) => {
    agent.getIdentities((error, keys = []) => {
      if (error) return reject(toAppError('AGENT_UNAVAILABLE', { cause: error }));
      const parsed = keys.flatMap((key) => ssh2.utils.parseKey(key as ssh2.ParsedKey));
      resolve(parsed.flatMap((key) => (key instanceof Error ? [] : [toLoginKey(key)])));
    });
  });
}

function toLoginKey(key: ssh2.ParsedKey): LoginKey {
  const blob = key.getPublicSSH();
  return { fingerprint: toFingerprint(blob), rsaBits: readRsaBits(blob) };
}

/** The length of the modulus: type, exponent and modulus follow each other (RFC 4253 section 6.6). */
function readRsaBits(blob: Buffer): number | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at + 4 <= blob.length && parts.length < 3; ) {
    const end = at + 4 + blob.readUInt32BE(at);
    parts.push(blob.subarray(at + 4, end));
    at = end;
  }
  const [type, , modulus] = parts;
  if (type?.toString() !== 'ssh-rsa' || modulus === undefined) return undefined;
  return modulus.length === 0 ? 0 : BigInt(`0x${modulus.toString('hex')}`).toString(2).length;
}
