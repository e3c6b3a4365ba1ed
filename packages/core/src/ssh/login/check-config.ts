// What is wrong with the SSH settings can mostly be told at the start, without the VM: a list beats a first failed request.

import { readFile } from 'node:fs/promises';
import { isAppError } from '../../errors.ts';
import type { SshReason } from '../to-app-error.ts';
import { type CredentialOptions, createCredentials } from './credentials.ts';
import { type HostKeyOptions, parseFingerprint } from './host-key.ts';

/** Lists what makes the settings unusable, each line opening with the name of its environment variable; empty when all is well. Contacts only a local agent. */
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
    // Credentials fail with the reasons of this table only.
    const problem = credentialProblems[error.details.reason as CredentialReason];
    return [`${problem.variable}: ${problem.text}`];
  }
}

type CredentialReason = Extract<
  SshReason,
  `KEY_${string}` | `PASSPHRASE_${string}` | `AGENT_${string}` | 'NO_CREDENTIALS'
>;

const credentialProblems: Record<CredentialReason, { variable: string; text: string }> = {
  NO_CREDENTIALS: {
    variable: 'SSH_PRIVATE_KEY_FILE',
    text: 'not set, and no agent at SSH_AUTH_SOCK either; set one of them',
  },
  KEY_UNREADABLE: {
    variable: 'SSH_PRIVATE_KEY_FILE',
    text: 'the file cannot be read; check that it exists and who may read it',
  },
  KEY_INVALID: {
    variable: 'SSH_PRIVATE_KEY_FILE',
    text: 'the file holds no private key that can be used; ssh-keygen -p rewrites a key in OpenSSH format',
  },
  PASSPHRASE_MISSING: {
    variable: 'SSH_PRIVATE_KEY_PASSPHRASE',
    text: 'not set, but the private key is encrypted',
  },
  PASSPHRASE_WRONG: {
    variable: 'SSH_PRIVATE_KEY_PASSPHRASE',
    text: 'does not open the private key',
  },
  AGENT_UNAVAILABLE: {
    variable: 'SSH_AUTH_SOCK',
    text: 'no agent answers there; start one, or set SSH_PRIVATE_KEY_FILE',
  },
  AGENT_EMPTY: {
    variable: 'SSH_AUTH_SOCK',
    text: 'the agent holds no key; add one with ssh-add',
  },
};

async function checkHostKey({
  hostKeyFingerprint,
  knownHostsFile,
}: HostKeyOptions): Promise<string[]> {
  if (hostKeyFingerprint !== undefined) {
    if (parseFingerprint(hostKeyFingerprint) !== undefined) return [];
    return [
      'SSH_HOST_KEY_FINGERPRINT: not a fingerprint as ssh-keygen -l prints it (SHA256: and 43 characters)',
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
  } catch {
    return [
      'SSH_KNOWN_HOSTS_FILE: the file cannot be read; write the host key into it that the console of the VM shows, or set SSH_HOST_KEY_FINGERPRINT',
    ];
  }
}
