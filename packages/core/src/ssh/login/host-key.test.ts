// The decision is a boolean whatever arrives, and the question asks for what can be answered.

import { describe, expect, it } from 'vitest';
import { createHostKeyCheck, parseFingerprint, toAlgorithms, toFingerprint } from './host-key.ts';

const address = { host: 'vm', port: 22 };
// A public key made for this test; nobody has kept the private one.
const key = Buffer.from(
  'AAAAC3NzaC1lZDI1NTE5AAAAIJX+l2bYZbHuBzBtY1xEiYvPSy7a7tVhzCkZBLKBNwqg',
  'base64',
);
const fingerprint = toFingerprint(key);

describe('parseFingerprint()', () => {
  it.each([fingerprint, `${fingerprint}=`, ` ${fingerprint}\n`])('reads %j', (text) => {
    expect(parseFingerprint(text)).toBe(fingerprint);
  });

  it.each([
    '',
    'SHA256:',
    fingerprint.slice(0, -1),
    `${fingerprint}A`,
    fingerprint.replace('SHA256', 'sha256'),
    'MD5:aa:bb',
    `256 ${fingerprint} vm (ED25519)`,
  ])('refuses %j', (text) => {
    expect(parseFingerprint(text)).toBe(undefined);
  });
});

describe('toAlgorithms()', () => {
  it('puts what is known first, RSA by its modern signatures, and what cannot be verified nowhere', () => {
    expect(toAlgorithms(['ssh-rsa', 'ssh-dss', 'sk-ssh-ed25519@openssh.com'])).toEqual([
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
    ]);
  });
});

describe('verify()', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['three bytes', Buffer.alloc(3)],
    ['a length beyond the end', Buffer.alloc(8, 0xff)],
    ['a key that is not ours', Buffer.concat([key, Buffer.alloc(1)])],
  ])('says false to %s, by pin and by file', async (_name, shown) => {
    for (const options of [{ hostKeyFingerprint: fingerprint }, { knownHostsFile: undefined }]) {
      const trial = await createHostKeyCheck(options).prepare(address);
      expect(trial.verify(shown)).toBe(false);
      expect(trial.refusal?.code).toBe('SERVICE_UNAVAILABLE');
    }
  });

  it('says true to the pinned key', async () => {
    const trial = await createHostKeyCheck({ hostKeyFingerprint: fingerprint }).prepare(address);
    expect(trial.verify(key)).toBe(true);
    expect(trial.refusal).toBe(undefined);
  });

  it('shows nothing of what an unverified peer put in place of a key type', async () => {
    const type = 'ssh\u001b[2J<script>';
    const length = Buffer.alloc(4);
    length.writeUInt32BE(type.length);
    const trial = await createHostKeyCheck({ hostKeyFingerprint: fingerprint }).prepare(address);
    trial.verify(Buffer.concat([length, Buffer.from(type)]));
    expect(trial.refusal?.details.keyType).toBe('unknown');
  });
});
