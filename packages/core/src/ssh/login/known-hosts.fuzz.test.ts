// Any known_hosts file: never a key that no line of it vouches for, never one that it revokes.

import { createHmac } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { often } from '../../testing/fuzz-size.test-support.ts';
import { knownKeyTypes, matchKnownHost, parseKnownHosts, toHostPattern } from './known-hosts.ts';

const keys = ['one', 'two', 'three'].map((text, index) => {
  const type = index === 2 ? 'ssh-rsa' : 'ssh-ed25519';
  const size = Buffer.alloc(4);
  size.writeUInt32BE(type.length);
  return { type, blob: Buffer.concat([size, Buffer.from(type), Buffer.from(text.repeat(5))]) };
});

const address = fc.record({
  host: fc.constantFrom('vm', '10.0.0.1', 'VM', '::1', 'vm.example.com', '*', '?', '!vm', 'a,b'),
  port: fc.constantFrom(22, 2222, 1),
});
const key = fc.constantFrom(...keys);

const pattern = fc.oneof(
  fc.constantFrom('vm', '[vm]:2222', '10.0.0.*', '*', '?m', '!vm', '!*', '*.example.com', '::1'),
  address.map((each) => toHostPattern(each)),
  address.map((each) => hash(toHostPattern(each))),
  fc.string({ maxLength: 12 }),
  fc.constantFrom('|1|', '|1|a|b', '|2|AAAA|AAAA', `${'*a'.repeat(200)}b`),
);

const line = fc
  .record({
    marker: fc.constantFrom(
      '',
      '',
      '',
      '@revoked ',
      '@cert-authority ',
      '@odd ',
      '#',
      ' ',
      '\ufeff',
    ),
    hosts: fc.array(pattern, { minLength: 1, maxLength: 3 }).map((list) => list.join(',')),
    key,
    type: fc.oneof(
      { weight: 8, arbitrary: fc.constant(undefined) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('ssh-rsa', 'x', '', 'ssh-ed25519-cert-v01@openssh.com'),
      },
    ),
    cut: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(30) }),
    comment: fc.constantFrom('', ' root@vm', ' \t x'),
  })
  .map(({ marker, hosts, key: { type, blob }, cut, comment, ...odd }) => {
    const encoded = blob.toString('base64');
    return `${marker}${hosts} ${odd.type ?? type} ${encoded.slice(0, encoded.length - cut)}${comment}`;
  });

const file = fc
  .tuple(
    fc.array(fc.oneof({ weight: 6, arbitrary: line }, { weight: 1, arbitrary: fc.string() }), {
      maxLength: 6,
    }),
    fc.constantFrom('\n', '\r\n', '\n\n'),
  )
  .map(([lines, end]) => lines.join(end));

test('a key is accepted only where the file holds it, and never where it is revoked', () => {
  fc.assert(
    fc.property(file, address, key, (text, where, shown) => {
      const entries = parseKnownHosts(text);
      const verdict = matchKnownHost(entries, { ...where, key: shown.blob });
      const encoded = shown.blob.toString('base64');
      const holding = text.split(/\r?\n|\r/).filter((each) => each.includes(encoded));
      if (verdict === 'accepted')
        expect(holding.some((each) => !/^\s*[@#]/.test(each.replace(/^\ufeff/, '')))).toBe(true);
      if (verdict === 'revoked')
        expect(holding.some((each) => each.includes('@revoked'))).toBe(true);
      const types = knownKeyTypes(entries, where);
      if (verdict === 'accepted') expect(types).toContain(shown.type);
      expect(new Set(types).size).toBe(types.length);
    }),
    often(),
  );
});

test('lines that say nothing change nothing, and a revocation wins wherever it stands', () => {
  fc.assert(
    fc.property(file, address, key, fc.nat(6), (text, where, shown, at) => {
      const judge = (given: string) =>
        matchKnownHost(parseKnownHosts(given), { ...where, key: shown.blob });
      const lines = text.split(/\r?\n/);
      const insert = (added: string) =>
        [...lines.slice(0, at), added, ...lines.slice(at)].join('\n');
      expect(judge(insert('# a comment'))).toBe(judge(lines.join('\n')));
      const host = hash(toHostPattern(where));
      const known = `${host} ${shown.type} ${shown.blob.toString('base64')}`;
      expect(['accepted', 'revoked']).toContain(judge(insert(known)));
      expect(judge(insert(`@revoked ${known}`))).toBe('revoked');
    }),
    often(),
  );
});

function hash(host: string): string {
  const salt = Buffer.alloc(20, 7);
  const digest = createHmac('sha1', salt).update(host).digest('base64');
  return `|1|${salt.toString('base64')}|${digest}`;
}
