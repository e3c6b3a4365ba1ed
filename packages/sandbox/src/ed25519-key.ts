// ed25519 key pairs in OpenSSH's own format; ssh2's generator drops a leading zero byte, so one pair in some two hundred of its is broken.

import { generateKeyPairSync, randomBytes } from 'node:crypto';

export interface Ed25519Key {
  /** OpenSSH format, without a passphrase. */
  readonly privatePem: string;
  /** `ssh-ed25519 AAAA…`, with the comment if there is one. */
  readonly publicLine: string;
  /** The key as it goes over the wire and into fingerprints. */
  readonly publicBlob: Buffer;
}

const keyType = 'ssh-ed25519';

/** A new pair: https://github.com/openssh/openssh-portable/blob/V_9_9/PROTOCOL.key */
export function createEd25519Key(comment = ''): Ed25519Key {
  const { publicBytes, privateBytes } = generateRawPair();
  const publicBlob = Buffer.concat([toField(keyType), toField(publicBytes)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    publicBlob,
    toField(Buffer.concat([privateBytes, publicBytes])),
    toField(comment),
  ]);
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, -secret.length & 7));
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    toField('none'),
    toField('none'),
    toField(''),
    toCount(1),
    toField(publicBlob),
    toField(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString('base64').replace(/.{70}/g, '$&\n').trimEnd();
  return {
    privatePem: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicLine: `${keyType} ${publicBlob.toString('base64')} ${comment}`.trimEnd(),
    publicBlob,
  };
}

/**
 * Both encodings end in the 32 bytes of the key (RFC 8410). Exporting a key object as a JWK instead
 * deadlocks Node 20 once in some ten thousand times, when the garbage is collected meanwhile.
 */
function generateRawPair() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return { publicBytes: publicKey.subarray(-32), privateBytes: privateKey.subarray(-32) };
}

function toField(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([toCount(bytes.length), bytes]);
}

function toCount(count: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(count);
  return bytes;
}
