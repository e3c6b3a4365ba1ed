// What a request may hold: valid, nearly valid, and what attackers and broken clients send.

import * as fc from 'fast-check';
import type { Schema } from './openapi-document.ts';
import { plainContainer } from './world.ts';

/** Made by none of our code: a file of this name would show that something was run. */
export const canary = 'ondemand-fuzz-canary';

const injections = [
  `$(touch ${canary})`,
  `\`touch ${canary}\``,
  `; touch ${canary}`,
  `x' ; touch ${canary} ; '`,
  `" && touch ${canary} && "`,
  `|touch ${canary}`,
  `\ntouch ${canary}\n`,
];

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '.',
    '..',
    '../../etc/passwd',
    '..\\..\\x',
    '-rf',
    '--help',
    '0',
    'null',
    'undefined',
    'true',
    '__proto__',
    'constructor',
    'toString',
    '%00',
    '\0',
    'nginx\0',
    'nginx\n',
    ' nginx',
    'nginx ',
    '/nginx',
    'nginx/',
    'NGINX',
    'ngınx',
    'nginx:latest',
    'a,b',
    '{name}',
    '*',
    '\u202egnp.exe',
    '\ufeffnginx',
    '\ud800',
    '😀',
    'é',
    'e\u0301',
    '\u2028',
    ...injections,
  ),
  fc
    .constantFrom('a', 'é', '%', '/', '😀')
    .chain((each) =>
      fc.constantFrom(127, 128, 129, 255, 256, 4097, 10_000).map((count) => each.repeat(count)),
    ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ maxLength: 20 }),
);

/** Of one header: without a line's end, which would begin another. */
export const headerText: fc.Arbitrary<string> = hostileText.map((text) =>
  Buffer.from(text.replaceAll(/[\r\n\0]/g, ''))
    .toString('latin1')
    .trim(),
);

/** As it goes out, without another encoding. */
export const rawSegment: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    '.',
    '..',
    '%2e%2e',
    '%2E%2e%2f',
    'a%2fb',
    'a%2Fstop',
    '%2f',
    '%5c',
    '%00',
    'nginx%00',
    '%0a',
    '%0d%0aX-Evil:%201',
    '%',
    '%zz',
    '%2',
    '%c0%af',
    '%ff',
    '%ed%a0%80',
    '%25',
    '%252e%252e',
    'nginx;x=1',
    'nginx?x=1',
    'nginx?',
    'nginx#x',
    'a//b',
    '//',
    'nginx/',
    'nginx/../cache',
    ':name',
    '*',
    '~',
    'a+b',
    'é',
    '\u00ff',
  ),
  hostileText.map(encode),
);

export const numberSpelling: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '0',
    '-0',
    '1',
    '5',
    '100',
    '10000',
    '10001',
    '1440',
    '1441',
    '-1',
    '+5',
    ' 5',
    '5 ',
    '5.0',
    '5.5',
    '05',
    '1e2',
    '1E2',
    '1e400',
    '0x10',
    '0b11',
    '0o7',
    '1_000',
    '1,000',
    '٣',
    '５',
    '½',
    'Infinity',
    'NaN',
    '9007199254740993',
    '99999999999999999999',
    '1000000000',
    '1000000001',
    '4294967296',
    '5n',
    '',
    'all',
    'ALL',
  ),
  fc.integer().map(String),
  fc.double().map(String),
);

/** What a schema of the document takes, mostly. */
export function sampleOf(name: string, schema: Schema): fc.Arbitrary<unknown> {
  const { type, minimum = 0, maximum = 1000, anyOf, maxLength = 100 } = schema as Bounds;
  if (anyOf !== undefined) return fc.oneof(...anyOf.map((each) => sampleOf(name, each)));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer') return fc.integer({ min: minimum, max: Math.min(maximum, 3000) });
  if (name === 'name')
    return fc.constantFrom('nginx', 'uptime-kuma', plainContainer, 'ngnix', 'zz');
  if (name === 'id')
    return fc.constantFrom('20260208T101530-5f3a9c21', '20260208T101530Z-5f3a9c21', 'x');
  if (name === 'since')
    return fc.constantFrom('10m', '2h', '1700000000', '2026-01-02T03:04:05Z', '0');
  if (/event-?id/i.test(name)) return cursor;
  return fc.string({
    unit: fc.constantFrom(...'abc -_.é😀$`\'"\\'),
    maxLength: Math.min(maxLength, 60),
  });
}

interface Bounds {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly anyOf?: readonly Schema[];
}

export const cursor: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '0',
    '1',
    '-1',
    'l1:::',
    'l1:',
    'l1:1:2:3',
    'a-1',
    '1.2',
    '999999999999999999999',
  ),
  fc.string({ unit: fc.constantFrom(...'l0123456789:.-abcdefTZ'), maxLength: 60 }),
  fc.constant('9'.repeat(129)),
);

export const jsonValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e21, '', [], {}, [[]], { a: null }),
  hostileText.map(toWellFormed),
  fc.jsonValue({ maxDepth: 3 }),
);

/** JSON that is none, or more than a value. */
export const oddJson: fc.Arbitrary<string> = fc.constantFrom(
  '{',
  '}',
  '{}}',
  '{"a":1,}',
  "{'a':1}",
  '{"a":NaN}',
  '[]',
  '[{}]',
  '""',
  'null',
  'true',
  '0',
  '\ufeff{}',
  '\ufeff',
  '\0',
  ' ',
  '\n',
  '{}\n{}',
  '// x',
  '{"__proto__":{"minutes":5}}',
  '{"constructor":{"prototype":{"x":1}}}',
  '{"minutes":1e400}',
  '{"minutes":1e2}',
  '{"minutes":5.0}',
  '{"minutes":"5"}',
  '{"minutes":5,"minutes":6}',
  '{"wake":"true"}',
  '{"soft":1}',
  '{"soft":null}',
  '{"name":"nginx"}',
  '{"id":"x"}',
  '{"minutes":5,"reason":"\\ud800"}',
  '{"minutes":5,"reason":"a\\u0000b"}',
  '['.repeat(20_000),
  `${'['.repeat(5000)}${']'.repeat(5000)}`,
  `{"a":${'{"a":'.repeat(3000)}1${'}'.repeat(3001)}`,
  `{"reason":"${'x'.repeat(10_000)}"}`,
  `"${'x'.repeat(1_100_000)}"`,
);

export function encode(text: string): string {
  return encodeURIComponent(toWellFormed(text));
}

/** Node 20 has it; the library's types do not. */
export function toWellFormed(text: string): string {
  return Buffer.from(text).toString();
}
