// JSON as a broken or hostile server sends it: a good answer in which something is another thing.

import * as fc from 'fast-check';

/** Each run with a few changes; the result is JSON text, or none at all. */
export function oddJson(good: unknown): fc.Arbitrary<string> {
  const paths = [...pathsOf(good)];
  const change = fc.record({ at: fc.constantFrom(...paths), value: oddValue });
  return fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .array(change, { minLength: 1, maxLength: 3 })
        .map((changes) => JSON.stringify(changes.reduce(applyChange, good)) ?? ''),
    },
    { weight: 2, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string() },
    {
      weight: 1,
      arbitrary: fc
        .nat(JSON.stringify(good).length)
        .map((length) => JSON.stringify(good).slice(0, length)),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        ' ',
        'null',
        '[]',
        '{}',
        '[null]',
        '[[]]',
        '[{}]',
        '{"__proto__":null}',
        '\ufeff{}',
        '<html></html>',
        '['.repeat(10_000),
      ),
    },
  );
}

const gone = Symbol('taken away');

const oddValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constant(gone),
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -0,
    -1,
    0.5,
    -1.5,
    2 ** 31,
    2 ** 53,
    2 ** 64,
    1e300,
    -1e300,
    '',
    ' ',
    '0',
    '-1',
    'null',
    '\0',
    '\ud800',
    '\u001b[31m',
    '0001-01-01T00:00:00Z',
    '-000001-01-01T00:00:00Z',
    '+012026-01-01T00:00:00Z',
    '99999-99-99',
    '9999-12-31T23:59:60Z',
    'running',
    'RUNNING',
    [],
    {},
    [null],
    [[]],
    [{}],
    { a: null },
    { '': '' },
  ),
  fc.string({ maxLength: 20 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.jsonValue({ maxDepth: 2 }),
);

type Path = readonly (string | number)[];

function* pathsOf(value: unknown, path: Path = []): Generator<Path> {
  yield path;
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value))
    yield* pathsOf(inner, [...path, Array.isArray(value) ? Number(key) : key]);
}

function applyChange(
  whole: unknown,
  { at: [key, ...deeper], value }: { readonly at: Path; readonly value: unknown },
): unknown {
  if (key === undefined) return value === gone ? null : value;
  if (typeof whole !== 'object' || whole === null) return whole;
  const isLast = deeper.length === 0;
  if (Array.isArray(whole))
    return whole.flatMap((each, index) =>
      index !== key
        ? [each]
        : isLast && value === gone
          ? []
          : [isLast ? value : applyChange(each, { at: deeper, value })],
    );
  const entries = Object.entries(whole).flatMap(([name, each]) =>
    name !== key
      ? [[name, each] as const]
      : isLast && value === gone
        ? []
        : [[name, isLast ? value : applyChange(each, { at: deeper, value })] as const],
  );
  return Object.fromEntries(entries);
}
