// OpenSSH's own rules, case by case.

import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type HostKeyVerdict,
  knownKeyTypes,
  matchKnownHost,
  parseKnownHosts,
  toHostPattern,
} from './known-hosts.ts';

const key = toKey('ssh-ed25519', 'one');
const otherKey = toKey('ssh-ed25519', 'two');
const rsaKey = toKey('ssh-rsa', 'three');
const line = (hosts: string, blob = key) => `${hosts} ${toType(blob)} ${blob.toString('base64')}`;
const hashed = (host: string, salt = Buffer.alloc(20, 7)) =>
  `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(host).digest('base64')}`;

interface Case {
  readonly name: string;
  readonly file: string;
  readonly host?: string;
  readonly port?: number;
  readonly verdict: HostKeyVerdict;
}

const cases: readonly Case[] = [
  { name: 'a plain name', file: line('vm'), verdict: 'accepted' },
  { name: 'another host only', file: line('other'), verdict: 'unknown' },
  { name: 'another key', file: line('vm', otherKey), verdict: 'changed' },
  { name: 'a key of another type only', file: line('vm', rsaKey), verdict: 'changed' },
  { name: 'an empty file', file: '', verdict: 'unknown' },
  { name: 'upper case in the file', file: line('VM'), verdict: 'accepted' },
  { name: 'upper case in the question', file: line('vm'), host: 'Vm', verdict: 'accepted' },
  { name: 'a comma list', file: line('a,vm,b'), verdict: 'accepted' },
  { name: 'a comma list with blanks in it', file: line('a, vm'), verdict: 'unknown' },
  { name: 'a comment behind the key', file: `${line('vm')} root@vm of July`, verdict: 'accepted' },
  {
    name: 'leading blanks and tabs',
    file: ` \t${line('vm').replaceAll(' ', '\t')}`,
    verdict: 'accepted',
  },
  { name: 'CRLF', file: `# x\r\n${line('vm')}\r\n`, verdict: 'accepted' },
  { name: 'a byte order mark', file: `\uFEFF${line('vm')}`, verdict: 'accepted' },
  { name: 'no newline at the end', file: `# x\n\n${line('vm')}`, verdict: 'accepted' },
  { name: 'a line that is commented out', file: `#${line('vm')}`, verdict: 'unknown' },
  {
    name: 'several keys, ours last',
    file: `${line('vm', rsaKey)}\n${line('vm', otherKey)}\n${line('vm')}`,
    verdict: 'accepted',
  },

  { name: 'a port that is not 22', file: line('[vm]:2222'), port: 2222, verdict: 'accepted' },
  { name: 'another port', file: line('[vm]:2222'), port: 2223, verdict: 'unknown' },
  {
    name: 'a bare name for a port that is not 22',
    file: line('vm'),
    port: 2222,
    verdict: 'unknown',
  },
  { name: 'a bracketed name for port 22', file: line('[vm]:22'), verdict: 'unknown' },
  { name: 'brackets in upper case', file: line('[VM]:2222'), port: 2222, verdict: 'accepted' },
  {
    name: 'an IPv6 address',
    file: line('[::1]:2222'),
    host: '::1',
    port: 2222,
    verdict: 'accepted',
  },

  { name: 'a star', file: line('v*'), verdict: 'accepted' },
  { name: 'a star for nothing', file: line('vm*'), verdict: 'accepted' },
  { name: 'stars in a row', file: line('**m'), verdict: 'accepted' },
  { name: 'a star before what is missing', file: line('*x'), verdict: 'unknown' },
  { name: 'a star that has to go back', file: line('*.b.c'), host: 'a.b.b.c', verdict: 'accepted' },
  { name: 'a star over a port', file: line('*'), port: 2222, verdict: 'accepted' },
  {
    name: 'a star for a domain, but a port',
    file: line('*.test'),
    host: 'vm.test',
    port: 2222,
    verdict: 'unknown',
  },
  {
    name: 'question marks',
    file: line('[10.0.0.?]:2222'),
    host: '10.0.0.7',
    port: 2222,
    verdict: 'accepted',
  },
  { name: 'a question mark for nothing', file: line('vm?'), verdict: 'unknown' },
  { name: 'a dot that is no wildcard', file: line('v.m'), host: 'vxm', verdict: 'unknown' },
  { name: 'a bracket that is no wildcard', file: line('v[m]'), verdict: 'unknown' },
  { name: 'a negation after a match', file: line('*,!vm'), verdict: 'unknown' },
  { name: 'a negation before a match', file: line('!vm,*'), verdict: 'unknown' },
  { name: 'a negation of somebody else', file: line('*,!other'), verdict: 'accepted' },
  { name: 'a negation alone', file: line('!other'), verdict: 'unknown' },
  {
    name: 'a negation on another line',
    file: `${line('!vm,*')}\n${line('vm')}`,
    verdict: 'accepted',
  },
  {
    name: 'a pattern made to be slow',
    file: line(`${'a*'.repeat(40)}b`),
    host: 'a'.repeat(200),
    verdict: 'unknown',
  },

  { name: 'a hashed name', file: line(hashed('vm')), verdict: 'accepted' },
  {
    name: 'a hashed name, asked in upper case',
    file: line(hashed('vm')),
    host: 'VM',
    verdict: 'accepted',
  },
  {
    name: 'a hashed name with a port',
    file: line(hashed('[vm]:2222')),
    port: 2222,
    verdict: 'accepted',
  },
  { name: 'a hashed name of another host', file: line(hashed('other')), verdict: 'unknown' },
  {
    name: 'a hashed name with another key',
    file: line(hashed('vm'), otherKey),
    verdict: 'changed',
  },
  { name: 'an unknown hash', file: line(hashed('vm').replace('|1|', '|2|')), verdict: 'unknown' },
  { name: 'a hash cut short', file: line(hashed('vm').slice(0, -5)), verdict: 'unknown' },

  {
    name: '@revoked before the same key',
    file: `@revoked ${line('vm')}\n${line('vm')}`,
    verdict: 'revoked',
  },
  {
    name: '@revoked after the same key',
    file: `${line('vm')}\n@revoked ${line('*')}`,
    verdict: 'revoked',
  },
  {
    name: '@revoked on a hashed name',
    file: `${line('vm')}\n@revoked ${line(hashed('vm'))}`,
    verdict: 'revoked',
  },
  {
    name: '@revoked for another key',
    file: `${line('vm')}\n@revoked ${line('*', otherKey)}`,
    verdict: 'accepted',
  },
  {
    name: '@revoked for another host',
    file: `${line('vm')}\n@revoked ${line('other')}`,
    verdict: 'accepted',
  },
  {
    name: '@revoked for another key, and nothing else',
    file: `@revoked ${line('vm', otherKey)}`,
    verdict: 'unknown',
  },
  { name: '@cert-authority', file: `@cert-authority ${line('vm')}`, verdict: 'unknown' },
  { name: 'a marker that is not known', file: `@trusted ${line('vm')}`, verdict: 'unknown' },
  { name: 'a marker alone', file: '@revoked', verdict: 'unknown' },

  {
    name: 'bad lines around a good one',
    file: `vm\nvm ssh-ed25519\nvm ssh-ed25519 !!!\n\0\n${line('vm')}\nvm`,
    verdict: 'accepted',
  },
  {
    name: 'a key that says another type than its line',
    file: `vm ssh-rsa ${key.toString('base64')}`,
    verdict: 'unknown',
  },
  {
    name: 'a key that is cut',
    file: `vm ssh-ed25519 ${key.subarray(0, 12).toString('base64')}`,
    verdict: 'unknown',
  },
  { name: 'a key of SSH 1', file: 'vm 1024 65537 1234567890', verdict: 'unknown' },
  { name: 'a list of nothing', file: line(',,!'), verdict: 'unknown' },
];

describe('matchKnownHost()', () => {
  it.each(cases)('says $verdict for $name', ({ file, host = 'vm', port = 22, verdict }) => {
    expect(matchKnownHost(parseKnownHosts(file), { host, port, key })).toBe(verdict);
  });
});

describe('knownKeyTypes()', () => {
  it('lists each type once, in the order of the file, for this host alone', () => {
    const file = [
      line('vm', rsaKey),
      line('other', toKey('ecdsa-sha2-nistp256', 'x')),
      line('vm'),
      line('v*', otherKey),
    ].join('\n');
    expect(knownKeyTypes(parseKnownHosts(file), { host: 'vm', port: 22 })).toEqual([
      'ssh-rsa',
      'ssh-ed25519',
    ]);
  });

  it('leaves out a type whose only key is revoked', () => {
    const file = `${line('vm', rsaKey)}\n${line('vm')}\n@revoked ${line('*')}`;
    expect(knownKeyTypes(parseKnownHosts(file), { host: 'vm', port: 22 })).toEqual(['ssh-rsa']);
  });
});

describe('toHostPattern()', () => {
  it('spells a host as ssh-keyscan does', () => {
    expect(toHostPattern({ host: 'VM.example', port: 22 })).toBe('vm.example');
    expect(toHostPattern({ host: 'VM.example', port: 2222 })).toBe('[vm.example]:2222');
  });
});

function toKey(type: string, content: string): Buffer {
  return Buffer.concat([toField(type), toField(content)]);
}

function toField(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text, 'latin1')]);
}

function toType(blob: Buffer): string {
  return blob.subarray(4, 4 + blob.readUInt32BE(0)).toString('latin1');
}
