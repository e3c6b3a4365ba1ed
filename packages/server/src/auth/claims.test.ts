import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { grantedScopes, toPrincipal } from './claims.ts';
import { toScopes, whoamiSchema } from './principal.ts';

const names = { read: 'read', wake: 'wake', admin: 'admin' };

/** The rules of section 10 of the checklist, told a second time and in another way. */
function oracle(claims: Record<string, unknown>): string[] {
  const listed = (value: unknown) =>
    typeof value === 'string' ? ` ${value} ` : Array.isArray(value) ? value : [];
  const holds = (name: string, value: unknown) =>
    typeof value === 'string'
      ? value.includes(` ${name} `)
      : (value as unknown[]).indexOf(name) > -1;
  const given = ['scope', 'scp'].filter((claim) => claims[claim] !== undefined);
  const has = (name: string) =>
    given.length > 0 && given.every((claim) => holds(name, listed(claims[claim])));
  return has('admin') ? ['read', 'wake', 'admin'] : has('read') ? ['read'] : [];
}

test('ten thousand generated scope values agree with the oracle', () => {
  const random = createRandom(20_260_101);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T; // within its length
  const words = [
    'read',
    'admin',
    'readonly',
    'READ',
    'Admin',
    'read,admin',
    'read admin',
    'readx',
    'xread',
    'openid',
    '',
    '\u0440ead',
    'read\u0000',
    'read\n',
    '*',
  ];
  const separators = [' ', ' ', ' ', '  ', ',', '\t', '\n', '+', '\u00a0', ';'];
  const text = () => {
    let value = pick(['', '', '', ' ']) + pick(words);
    for (let count = Math.floor(random() * 4); count > 0; count -= 1)
      value += pick(separators) + pick(words);
    return value + pick(['', '', ' ']);
  };
  const odd = [null, 0, 1, true, false, {}, { read: true }, { 0: 'read', length: 1 }];
  const list = () =>
    Array.from({ length: Math.floor(random() * 4) }, () =>
      pick<unknown>([...words, ...odd, ['read'], ['admin']]),
    );
  const value = () =>
    pick<() => unknown>([text, text, text, list, list, () => pick(odd), () => undefined])();

  const wrong: object[] = [];
  const seen = new Map<string, number>();
  for (let index = 0; index < 10_000; index += 1) {
    const claims = { scope: value(), scp: pick([() => undefined, value])() };
    const scopes = toScopes(grantedScopes(claims), names);
    const expected = oracle(claims);
    if (!isDeepStrictEqual(scopes, expected)) wrong.push({ claims, scopes, expected });
    seen.set(scopes.join(), (seen.get(scopes.join()) ?? 0) + 1);
  }
  expect(wrong).toEqual([]);
  // Each outcome came often enough to mean something.
  for (const outcome of ['', 'read', 'read,wake,admin'])
    expect(seen.get(outcome)).toBeGreaterThan(300);
});

test.each<[unknown, string[]]>([
  ['read', ['read']],
  ['admin', ['read', 'wake', 'admin']],
  ['admin read', ['read', 'wake', 'admin']],
  ['openid read', ['read']],
  [['read'], ['read']],
  [
    ['read', 'admin'],
    ['read', 'wake', 'admin'],
  ],
  ['wake', ['wake']],
  ['wake read', ['read', 'wake']],
  ['readonly', []],
  ['READ', []],
  ['read,admin', []],
  [['read admin'], []],
  [{ read: true }, []],
])('the scopes of %j are %j', (value, expected) => {
  expect(toScopes(grantedScopes({ scope: value }), names)).toEqual(expected);
  expect(toScopes(grantedScopes({ scp: value }), names)).toEqual(expected);
  expect(toScopes(grantedScopes({ scope: value, scp: value }), names)).toEqual(expected);
});

test('where both claims stand and differ, only what both grant counts', () => {
  const both = (scope: unknown, scp: unknown) => toScopes(grantedScopes({ scope, scp }), names);
  expect(both('read admin', ['read'])).toEqual(['read']);
  expect(both('read', ['admin'])).toEqual([]);
  expect(both('admin', [])).toEqual([]);
  expect(both('admin', null)).toEqual([]);
});

test('other names, as configured, are the only ones that count', () => {
  const own = { read: 'ondemand:read', wake: 'ondemand:wake', admin: 'ondemand:admin' };
  expect(toScopes(grantedScopes({ scope: 'read admin' }), own)).toEqual([]);
  expect(toScopes(grantedScopes({ scope: 'ondemand:admin' }), own)).toEqual([
    'read',
    'wake',
    'admin',
  ]);
});

const rules = { issuer: 'https://auth.example.com', audience: 'api', scopeNames: names };
const now = new Date('2026-03-01T00:00:00.000Z');
const endingAt = (exp: number) => {
  const claims = { iss: rules.issuer, sub: 'diego', aud: 'api', client_id: 'cli', iat: 0, exp };
  return toPrincipal({ claims, now }, rules);
};

test.each([
  [now.getTime() / 1000 + 600, '2026-03-01T00:10:00.000Z'],
  [253_402_300_799, '9999-12-31T23:59:59.000Z'],
])('a token with exp %d ends at %s, which whoami can show', (exp, expiresAt) => {
  const principal = endingAt(exp);
  expect(principal.expiresAt).toBe(expiresAt);
  expect(whoamiSchema.safeParse(principal).error).toBeUndefined();
});

test.each([
  253_402_300_799.5,
  253_402_300_800,
  now.getTime() + 600_000, // milliseconds
  8.64e12,
  8.64e12 + 1,
  1e300,
])('a token with exp %d, after the year 9999, is refused', (exp) => {
  expect(() => endingAt(exp)).toThrow(
    expect.objectContaining({
      code: 'UNAUTHORIZED',
      details: expect.objectContaining({ reason: 'invalid_token' }),
    }),
  );
});

/** Mulberry32: the same numbers on every run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
