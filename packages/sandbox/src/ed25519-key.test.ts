import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { createEd25519Key } from './ed25519-key.ts';

test('every pair fits together for ssh2, those with leading zeros too', () => {
  for (let count = 0; count < 1_000; count += 1) {
    const { privatePem, publicLine, publicBlob } = createEd25519Key('me@home');
    const secret = ssh2.utils.parseKey(privatePem);
    const open = ssh2.utils.parseKey(publicLine);
    if (secret instanceof Error || open instanceof Error) throw new Error(`broken: ${publicLine}`);
    const signature = secret.sign('text');
    if (!Buffer.isBuffer(signature)) throw signature;
    if (!open.verify('text', signature)) throw new Error(`not a pair: ${publicLine}`);
    if (!open.getPublicSSH().equals(publicBlob)) throw new Error(`another key: ${publicLine}`);
    if (secret.comment !== 'me@home') throw new Error(`comment lost: ${secret.comment}`);
  }
  expect(createEd25519Key().publicLine).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\S{43}$/);
});
