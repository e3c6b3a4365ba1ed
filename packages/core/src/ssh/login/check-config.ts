// What is wrong with the SSH settings can mostly be told at the start, without the VM: a list beats a first failed request.

import { readFile } from 'node:fs/promises';
import { isAppError } from '../../app-error.ts';
import type { SshReason } from '../to-app-error.ts';
import { type CredentialOptions, createCredentials } from './credentials.ts';
import { type HostKeyOptions, parseFingerprint } from './host-key.ts';

/** Lists what makes the settings unusable, each line opening with the name of its environment variable; empty when all is well. Contacts only a local agent. For the operator at start, since the lines hold paths. */
export async function checkSshConfig(
  options: CredentialOptions & HostKeyOptions,
): Promise<string[]> {
  return [...(await checkCredentials(options)), ...(await checkHostKey(options))];
}

async function checkCredentials(options: CredentialOptions): Promise<string[]> {
  try {
    const credentials = createCredentials(options);
    const login = await credentials.prepare(new AbortController().signal);
    login[Symbol.dispose]();
    return [];
  } catch (error) {
    if (!isAppError(error)) throw error;
    const { privateKeyFile: key = '', agentSocket: agent = '' } = options;
    // Credentials fail with the reasons of this table only.
    const describe = credentialProblems[error.details.reason as CredentialReason];
    return [describe({ key, agent, code: codeOf(error.cause), kind: await readKind(key) })];
  }
}

type CredentialReason = Extract<
  SshReason,
  `KEY_${string}` | `PASSPHRASE_${string}` | `AGENT_${string}` | 'NO_CREDENTIALS'
>;

interface ProblemFacts {
  readonly key: string;
  readonly agent: string;
  readonly code: string;
  /** What a file is that holds no usable private key. */
  readonly kind: 'public' | 'other';
}

const credentialProblems: Record<CredentialReason, (facts: ProblemFacts) => string> = {
  NO_CREDENTIALS: () =>
    'SSH_PRIVATE_KEY_FILE: not set, and no agent at SSH_AUTH_SOCK either; set one of them',
  KEY_UNREADABLE: ({ key, code }) =>
    code === 'EACCES'
      ? `SSH_PRIVATE_KEY_FILE: ${key} may not be read by the user that this API runs as (${code}); give it to that user (chown), with mode 600`
      : `SSH_PRIVATE_KEY_FILE: ${key} cannot be read${code && ` (${code})`}; check that it exists and who may read it`,
  KEY_INVALID: ({ key, kind }) =>
    kind === 'public'
      ? `SSH_PRIVATE_KEY_FILE: ${key} holds a public key; name the private one beside it, which is called the same without .pub`
      : `SSH_PRIVATE_KEY_FILE: ${key} holds no private key that can be used; ssh-keygen -p -f rewrites a key in OpenSSH format`,
  PASSPHRASE_MISSING: ({ key }) =>
    `SSH_PRIVATE_KEY_PASSPHRASE: not set, but the private key ${key} is encrypted; set it, or SSH_PRIVATE_KEY_PASSPHRASE_FILE to a file that holds it`,
  PASSPHRASE_WRONG: ({ key }) =>
    `SSH_PRIVATE_KEY_PASSPHRASE: does not open the private key ${key}; ssh-keygen -y -f ${key} asks for it and tells whether it does`,
  AGENT_UNAVAILABLE: ({ agent }) =>
    `SSH_AUTH_SOCK: no agent answers at ${agent}; start one, or set SSH_PRIVATE_KEY_FILE`,
  AGENT_EMPTY: ({ agent }) =>
    `SSH_AUTH_SOCK: the agent at ${agent} holds no key; add one with ssh-add, or set SSH_PRIVATE_KEY_FILE`,
};

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : '';
}

async function readKind(path: string): Promise<ProblemFacts['kind']> {
  const text = path === '' ? '' : await readFile(path, 'utf8').catch(() => '');
  return /^(?:(?:ssh|ecdsa|sk)-\S+ AAAA|-----BEGIN (?:[A-Z]+ )?PUBLIC KEY|---- BEGIN SSH2 PUBLIC)/.test(
    text,
  )
    ? 'public'
    : 'other';
}

async function checkHostKey({
  hostKeyFingerprint,
  knownHostsFile,
}: HostKeyOptions): Promise<string[]> {
  if (hostKeyFingerprint !== undefined) {
    if (parseFingerprint(hostKeyFingerprint) !== undefined) return [];
    return [
      `SSH_HOST_KEY_FINGERPRINT: '${hostKeyFingerprint}' is not a fingerprint as ssh-keygen -l prints it (SHA256: and 43 characters)`,
    ];
  }
  if (knownHostsFile === undefined) {
    return [
      'SSH_KNOWN_HOSTS_FILE: not set, and no SSH_HOST_KEY_FINGERPRINT either; set one of them',
    ];
  }
  try {
    await readFile(knownHostsFile, 'utf8');
    return [];
  } catch (error) {
    return [
      `SSH_KNOWN_HOSTS_FILE: ${knownHostsFile} cannot be read (${codeOf(error)}); write the host key into it that the console of the VM shows, or set SSH_HOST_KEY_FINGERPRINT`,
    ];
  }
}
