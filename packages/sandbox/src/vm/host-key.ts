// The VM's host key, as ssh prints it.

import { createHash } from 'node:crypto';
import { createEd25519Key } from '../ed25519-key.ts';

export interface HostKey {
  /** What ssh2's server takes. */
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA…` */
  readonly publicKey: string;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
}

/** A new ed25519 key. */
export function createHostKey(): HostKey {
  const { privatePem, publicLine, publicBlob } = createEd25519Key();
  const digest = createHash('sha256').update(publicBlob).digest('base64');
  return {
    privateKey: privatePem,
    publicKey: publicLine,
    fingerprint: `SHA256:${digest.replace(/=+$/, '')}`,
  };
}
