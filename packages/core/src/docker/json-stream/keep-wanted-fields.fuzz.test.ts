// The filter against `JSON.parse`: the same of every JSON, wherever it is cut, and an end for every other text.

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cuts, toPieces } from '../../testing/cut-into-chunks.test-support.ts';
import { often } from '../../testing/fuzz-size.test-support.ts';
import { oddJson } from '../../testing/odd-json.test-support.ts';
import { createJsonFilter, type Wanted } from './keep-wanted-fields.ts';
import { createJsonObjects } from './objects.ts';

const wanted = {
  a: true,
  b: { c: true, d: { e: true } },
  m: (key: string) => key.length < 3,
} as const satisfies Wanted;

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'm', 'x', '', '"', '\\', 'é', 'long key');
const json = fc.letrec<{ value: unknown; object: object }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    tie('object'),
    fc.array(tie('value'), { maxLength: 4 }),
  ),
  object: fc.dictionary(key, tie('value'), { maxKeys: 5 }),
}));

test('of every JSON it leaves what is wanted, wherever the text is cut', () => {
  fc.assert(
    fc.property(
      fc.oneof(json.object, fc.array(json.object), json.value),
      fc.constantFrom(undefined, 1, '\t'),
      cuts,
      (value, space, shares) => {
        const text = JSON.stringify(value, null, space);
        const left = filter(text, shares);
        expect(JSON.parse(left)).toEqual(select(JSON.parse(text), wanted));
      },
    ),
    often(),
  );
});

test('every other text comes to an end, and is no JSON that it was not before', () => {
  const punctuation = fc.string({ unit: fc.constantFrom(...'[]{},:"\\ ab1\n'), maxLength: 30 });
  fc.assert(
    fc.property(fc.oneof(punctuation, oddJson({ a: 1, b: [{ c: {} }] })), cuts, (text, shares) => {
      expect(filter(text, shares)).toBe(filter(text, []));
    }),
    often(20),
  );
});

test('objects are found one by one, wherever the stream is cut; what is broken costs no other', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(json.object, fc.constantFrom('garbage', '{"a":', '}', '"'))),
      cuts,
      (given, shares) => {
        const found: unknown[] = [];
        const objects = createJsonObjects({
          maxBytes: 1_000_000,
          onObject: (text) => found.push(JSON.parse(text)),
        });
        const stream = given.map((each) =>
          typeof each === 'string' ? `${each}\n` : `${JSON.stringify(each)}\n`,
        );
        for (const piece of toPieces(Buffer.from(stream.join('')), shares)) objects.push(piece);
        const whole = given.filter((each) => typeof each === 'object');
        expect(found).toEqual(JSON.parse(JSON.stringify(whole)));
      },
    ),
    often(),
  );
});

function filter(text: string, shares: readonly number[]): string {
  const reader = createJsonFilter({ wanted });
  for (const piece of toPieces(Buffer.from(text), shares)) reader.push(piece);
  return reader.end();
}

/** What `Wanted` means, said once more. */
function select(value: unknown, part: Wanted): unknown {
  if (part === true || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => select(each, part));
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => {
      const inner =
        typeof part === 'function'
          ? part(name)
          : Object.hasOwn(part, name) && (part[name] as Wanted); // just seen to be there
      return inner === false ? [] : [[name, select(each, inner)] as const];
    }),
  );
}
