// Every form of key that OCI's tools write, and what is none.

import { createHash, createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { createKeyOpener, openPrivateKey } from './private-key.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 }); // a short one is made quickly
const locked = { cipher: 'aes-256-cbc', passphrase: 'sesame', format: 'pem' } as const;
const plainPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const lockedPem = privateKey.export({ type: 'pkcs8', ...locked }).toString();
/** As `openssl rsa -pubout -outform DER | openssl md5 -c` has it. */
const fingerprint = createHash('md5')
  .update(publicKey.export({ type: 'spki', format: 'der' }))
  .digest('hex')
  .replaceAll(/..(?=.)/g, '$&:');

test.each([
  ['PKCS #8', plainPem, undefined],
  ['PKCS #1', privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(), undefined],
  ['encrypted PKCS #8', lockedPem, 'sesame'],
  ['encrypted PKCS #1', privateKey.export({ type: 'pkcs1', ...locked }).toString(), 'sesame'],
  ['the label that OCI appends', `${plainPem}OCI_API_KEY\n`, undefined],
  ['CRLF line ends', plainPem.replaceAll('\n', '\r\n'), undefined],
  ['a passphrase that it does not need', plainPem, 'sesame'],
])('%s opens to the same unencrypted key', (_, pem, passphrase) => {
  const opened = openPrivateKey(pem, passphrase);
  if (!('pem' in opened)) return expect.fail(opened.problem);
  expect(createPrivateKey(opened.pem).equals(privateKey)).toBe(true);
  expect(opened.fingerprint).toBe(fingerprint);
});

const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });

test.each([
  ['a wrong passphrase', lockedPem, 'open', /does not open/],
  ['no passphrase', lockedPem, undefined, /no pass_phrase/],
  ['another kind of key', ed25519.toString(), undefined, /ed25519/],
  [
    'a public key',
    '-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n',
    undefined,
    /PEM/,
  ],
  ['nothing', '', undefined, /PEM/],
  ['noise', 'noise', 'sesame', /PEM/],
])('%s is told in plain words', (_, pem, passphrase, words) => {
  expect(openPrivateKey(pem, passphrase)).toEqual({ problem: expect.stringMatching(words) });
});

test('a key is opened again only when its text or its passphrase changes', () => {
  const openKey = createKeyOpener();
  const opened = openKey(lockedPem, 'sesame');
  expect(openKey(lockedPem, 'sesame')).toBe(opened);
  expect(openKey(lockedPem, 'open')).toEqual({ problem: expect.stringMatching(/does not open/) });
  expect(openKey(lockedPem, 'sesame')).toEqual(opened);
  expect(openKey(ed25519.toString(), 'sesame')).toEqual({
    problem: expect.stringMatching(/ed25519/),
  });
});
