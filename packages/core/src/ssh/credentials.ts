// What we log in with: a private key from a file, else an agent. Read anew for each attempt, so that a repair needs no restart.

import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import { withDeadline } from '../deadline.ts';
import { type AppError, isAppError } from '../errors.ts';
import { toAppError } from './to-app-error.ts';

export interface CredentialOptions {
  readonly privateKeyFile?: string | undefined;
  readonly passphrase?: string | undefined;
  /** Used when no key file is given. */
  readonly agentSocket?: string | undefined;
}

/** What one attempt logs in with; closing it ends what the agent left open. */
export interface Login extends Disposable {
  readonly method:
    | { readonly type: 'publickey'; readonly key: ssh2.ParsedKey }
    | { readonly type: 'agent'; readonly agent: ssh2.BaseAgent };
}

export interface Credentials {
  /** Rejects with `SERVICE_UNAVAILABLE` and the reason when there is nothing usable to log in with; asks nobody on the network. */
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
        return { method: { type: 'publickey', key: cached.key }, [Symbol.dispose]: () => {} };
      }
      if (agentSocket !== undefined) return openAgent(agentSocket, signal);
      throw toAppError('NO_CREDENTIALS');
    },
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
  if (!/passphrase|encrypted|decrypt|integrity/i.test(parsed.message)) {
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
  // ssh2 waits for an agent's answer for ever: whatever it opens there ends with the attempt.
  const getStream = agent.getStream.bind(agent);
  agent.getStream = (callback) =>
    getStream((error, stream) => {
      if (stream) streams.add(stream);
      stream?.on('close', () => streams.delete(stream));
      callback(error ?? undefined, stream);
    });
  try {
    const keys = await withDeadline(() => listKeys(agent), {
      timeoutMs: agentTimeoutMs,
      signal,
      onTimeout: () => toAppError('AGENT_UNAVAILABLE'),
    });
    if (keys === 0) throw toAppError('AGENT_EMPTY');
  } catch (error) {
    close();
    throw error;
  }
  return { method: { type: 'agent', agent }, [Symbol.dispose]: close };
}

function listKeys(agent: ssh2.BaseAgent): Promise<number> {
  return new Promise((resolve, reject) => {
    agent.getIdentities((error, keys) => {
      if (error) reject(toAppError('AGENT_UNAVAILABLE', { cause: error }));
      else resolve(keys?.length ?? 0);
    });
  });
}
