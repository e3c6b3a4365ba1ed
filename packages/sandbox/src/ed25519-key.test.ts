import ssh2 from 'ssh2';
import { expect, test } from 'vitest';
import { createEd25519Key, type Ed25519Key } from './ed25519-key.ts';

test('every pair fits together for ssh2, those with leading zeros too', () => {
  const checked = { any: 0, zeroInPublic: 0, zeroInPrivate: 0 };
  while (checked.any < 100 || checked.zeroInPublic < 2 || checked.zeroInPrivate < 2) {
    const pair = createEd25519Key('me@home');
    const startsPublic = pair.publicBlob.at(-32) === 0;
    const startsPrivate = toBytes(pair.privatePem)[privateOffset] === 0;
    // Others than the first hundred are made for their zeros alone: one in 256 has one.
    if (checked.any >= 100 && !startsPublic && !startsPrivate) continue;
    check(pair);
    checked.any += 1;
    if (startsPublic) checked.zeroInPublic += 1;
    if (startsPrivate) checked.zeroInPrivate += 1;
  }
  expect(createEd25519Key().publicLine).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI\S{43}$/);
});

function check({ privatePem, publicLine, publicBlob }: Ed25519Key): void {
  const secret = ssh2.utils.parseKey(privatePem);
  const open = ssh2.utils.parseKey(publicLine);
  if (secret instanceof Error || open instanceof Error) throw new Error(`broken: ${publicLine}`);
  const signature = secret.sign('text');
  if (!Buffer.isBuffer(signature)) throw signature;
  if (!open.verify('text', signature)) throw new Error(`not a pair: ${publicLine}`);
  if (!open.getPublicSSH().equals(publicBlob)) throw new Error(`another key: ${publicLine}`);
  if (secret.comment !== 'me@home') throw new Error(`comment lost: ${secret.comment}`);
}

/** What the armour holds. */
function toBytes(privatePem: string): Buffer {
  return Buffer.from(privatePem.split('\n').slice(1, -2).join(''), 'base64');
}

/** Behind the magic, three empty settings, the count, the public key, the check and the public key again: PROTOCOL.key of OpenSSH. */
const privateOffset = 161;
