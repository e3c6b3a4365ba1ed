// Every form a private key comes in, and every way it can be unusable.

import { generateKeyPairSync } from 'node:crypto';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import type { SshReason } from '../to-app-error.ts';
import { openPrivateKey } from './credentials.ts';

const passphrase = 'open sesame';
// Not ed25519: of those that ssh2 makes, one in 250 cannot be read.
const openssh = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
const encrypt = (cipher: string) =>
  ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256, passphrase, cipher, rounds: 1 });
const encryptedOpenssh = encrypt('aes256-ctr');
const authenticatedOpenssh = encrypt('aes256-gcm@openssh.com');
const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey; // a short one is made quickly
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const ed25519 = generateKeyPairSync('ed25519').privateKey;
const toPem = (key: typeof rsa, type: 'pkcs1' | 'pkcs8' | 'sec1', secret?: string) =>
  key
    .export({ type, format: 'pem', ...(secret && { cipher: 'aes-256-cbc', passphrase: secret }) })
    .toString();

const usable: readonly { name: string; text: string; secret?: string }[] = [
  { name: 'OpenSSH', text: openssh.private },
  {
    name: 'OpenSSH, with a passphrase that it does not need',
    text: openssh.private,
    secret: passphrase,
  },
  { name: 'OpenSSH, CRLF', text: openssh.private.replaceAll('\n', '\r\n') },
  { name: 'OpenSSH, encrypted', text: encryptedOpenssh.private, secret: passphrase },
  { name: 'OpenSSH, authenticated', text: authenticatedOpenssh.private, secret: passphrase },
  { name: 'PKCS#1', text: toPem(rsa, 'pkcs1') },
  { name: 'PKCS#1, encrypted', text: toPem(rsa, 'pkcs1', passphrase), secret: passphrase },
  { name: 'SEC 1', text: toPem(ec, 'sec1') },
  { name: 'PKCS#8 of RSA', text: toPem(rsa, 'pkcs8') },
  { name: 'PKCS#8 of RSA, encrypted', text: toPem(rsa, 'pkcs8', passphrase), secret: passphrase },
  { name: 'PKCS#8 of EC', text: toPem(ec, 'pkcs8') },
];

const unusable: readonly (readonly [
  name: string,
  text: string,
  secret: string | undefined,
  reason: SshReason,
])[] = [
  [
    'an OpenSSH key without its passphrase',
    encryptedOpenssh.private,
    undefined,
    'PASSPHRASE_MISSING',
  ],
  ['an OpenSSH key with an empty passphrase', encryptedOpenssh.private, '', 'PASSPHRASE_MISSING'],
  ['an OpenSSH key with another passphrase', encryptedOpenssh.private, 'x', 'PASSPHRASE_WRONG'],
  [
    'an authenticated OpenSSH key with another passphrase',
    authenticatedOpenssh.private,
    'x',
    'PASSPHRASE_WRONG',
  ],
  [
    'an authenticated OpenSSH key without its passphrase',
    authenticatedOpenssh.private,
    undefined,
    'PASSPHRASE_MISSING',
  ],
  [
    'a PKCS#1 key without its passphrase',
    toPem(rsa, 'pkcs1', passphrase),
    undefined,
    'PASSPHRASE_MISSING',
  ],
  [
    'a PKCS#1 key with another passphrase',
    toPem(rsa, 'pkcs1', passphrase),
    'x',
    'PASSPHRASE_WRONG',
  ],
  [
    'a PKCS#8 key without its passphrase',
    toPem(rsa, 'pkcs8', passphrase),
    undefined,
    'PASSPHRASE_MISSING',
  ],
  [
    'a PKCS#8 key with another passphrase',
    toPem(rsa, 'pkcs8', passphrase),
    'x',
    'PASSPHRASE_WRONG',
  ],
  [
    'a PKCS#8 key of a type without an older form',
    toPem(ed25519, 'pkcs8'),
    undefined,
    'KEY_INVALID',
  ],
  ['a public key', openssh.public, undefined, 'KEY_INVALID'],
  ['an empty file', '', undefined, 'KEY_INVALID'],
  ['something else', 'not a key', undefined, 'KEY_INVALID'],
  ['half a key', openssh.private.slice(0, 200), undefined, 'KEY_INVALID'],
];

describe('openPrivateKey()', () => {
  it.each(usable)('opens a key in the form of $name', ({ text, secret }) => {
    expect(openPrivateKey(text, secret).isPrivateKey()).toBe(true);
  });

  it.each(unusable)('says what is wrong with %s', (_name, text, secret, reason) => {
    expect(() => openPrivateKey(text, secret)).toThrow(
      expect.objectContaining({ details: { reason } }),
    );
  });
});
