// Tokens nobody has seen, in any number: what they cost the issuer, and that they cost known callers nothing.

import { AppError } from '@ondemand/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Answer,
  createAutheliaIntrospection,
  createTestClock,
  errorOf,
  startTestIssuer,
  type TestIssuer,
  unhurriedHttp,
} from '../testing/issuer.test-support.ts';
import { createAuthenticator } from './authenticator.ts';
import type { Origin } from './principal.ts';

const audience = 'https://ondemand.example.com';
const minuteMs = 60_000;

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startTestIssuer();
});
afterAll(() => issuer[Symbol.asyncDispose]());

let clock = createTestClock();
beforeEach(() => {
  clock = createTestClock();
});

/** An API whose issuer takes the tokens that begin with `good`, until they are revoked. */
function open({ introspection }: { readonly introspection?: Answer } = {}) {
  const revoked = new Set<string>();
  const endsAt = Math.floor(clock.date().getTime() / 1000) + 1e6;
  const claims = { scope: 'read', aud: audience, sub: 'diego', client_id: 'cli', exp: endsAt };
  issuer.answers['/introspect'] =
    introspection ??
    createAutheliaIntrospection(clock, (token) =>
      token.startsWith('good') && !revoked.has(token) ? { active: true, ...claims } : undefined,
    );
  const { authenticate } = createAuthenticator({
    http: unhurriedHttp,
    issuer: issuer.url,
    audience,
    scopeNames: { read: 'read', wake: 'wake', admin: 'admin' },
    client: { id: 'api', secret: 'secret' },
    now: clock.now,
    date: clock.date,
  });
  const from = issuer.count('/introspect');
  return {
    revoked,
    ask: (token: string, network = 'home', limit: Partial<Origin> = {}) =>
      authenticate([`Bearer ${token}`], { network, async requireAttempt() {}, ...limit }),
    calls: () => issuer.count('/introspect') - from,
  };
}

describe('at an issuer with the limits of Authelia', () => {
  test.each([
    ['45 tokens at once each hour', 60 * minuteMs, 45],
    ['20 tokens each 10 s', 10_000, 20],
  ])('an hour of garbage, %s, costs a known caller no call', async (_, everyMs, burst) => {
    const { ask, calls } = open();
    await ask('good');
    let serial = 0;
    for (let passedMs = 0; passedMs < 60 * minuteMs; passedMs += 10_000) {
      if (passedMs % everyMs === 0 || passedMs === 0)
        for (let index = 0; index < burst; index += 1) {
          serial += 1;
          await errorOf(ask(`garbage-${serial}`, 'elsewhere'));
        }
      expect(await ask('good')).toMatchObject({ sub: 'diego' });
      clock.advance(10_000);
    }
    expect(calls()).toBeLessThan(150); // one for the known caller each half minute, and a few
    expect(await ask('good-and-new')).toMatchObject({ sub: 'diego' });
  });

  test('six hours of garbage from many networks cost a known caller no call', async () => {
    const { ask } = open();
    await ask('good');
    for (let index = 0; index < 6 * 60; index += 2) {
      for (const half of ['a', 'b'])
        await errorOf(ask(`garbage-${index}-${half}`, `network-${index}-${half}`));
      expect(await ask('good')).toMatchObject({ sub: 'diego' });
      clock.advance(120_000);
    }
  });

  test('a script whose token has ended leaves its network questions for others, though it asks for hours', async () => {
    const { ask, calls } = open();
    for (let second = 0; second < 4 * 3600; second += 30) {
      expect(await errorOf(ask('ended'))).toMatchObject({ code: 'UNAUTHORIZED' });
      clock.advance(30_000);
    }
    expect(calls()).toBeLessThan(16);
    expect(await ask('good-and-new')).toMatchObject({ sub: 'diego' });
  });

  test('a hundred new callers at once are all let in, as are those after them', async () => {
    const { ask } = open();
    const tokens = Array.from({ length: 100 }, (_, index) => `good-${index}`);
    const callers = await Promise.all(tokens.map((token) => ask(token)));
    expect(callers).toHaveLength(100);
    for (let index = 100; index < 200; index += 1) await ask(`good-${index}`);
  });
});

describe('the share of a network', () => {
  test('is 20 tokens that are no good; what comes beyond is not checked, and other networks have theirs', async () => {
    const { ask, calls } = open();
    for (let index = 0; index < 20; index += 1)
      expect(await errorOf(ask(`garbage-${index}`))).toMatchObject({ code: 'UNAUTHORIZED' });
    for (let index = 20; index < 100; index += 1)
      expect(await errorOf(ask(`garbage-${index}`))).toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        details: { reason: 'TOKEN_NOT_CHECKED', retryAfterSeconds: 1200 },
      });
    expect(calls()).toBe(20);
    for (let index = 0; index < 20; index += 1) await ask(`good-${index}`, 'elsewhere');
  });

  test('is not touched by one token that is no good, however often it comes', async () => {
    const { ask, calls } = open();
    for (let index = 0; index < 200; index += 1) {
      expect(await errorOf(ask('garbage'))).toMatchObject({ code: 'UNAUTHORIZED' });
      clock.advance(1000);
    }
    expect(calls()).toBeLessThanOrEqual(25);
  });

  test('holds for a token that was good and was revoked', async () => {
    const { ask, revoked } = open();
    await ask('good');
    revoked.add('good');
    clock.advance(30_000);
    expect(await errorOf(ask('good'))).toMatchObject({ code: 'UNAUTHORIZED' });
    for (let index = 0; index < 30; index += 1) await errorOf(ask(`garbage-${index}`));
    clock.advance(10_000);
    expect(await errorOf(ask('good'))).toMatchObject({ code: 'UNAUTHORIZED' }); // as was found before
  });
});

test('tokens from an address over its limit are never asked about, and callers known there go on', async () => {
  const { ask, calls } = open();
  await ask('good');
  const requireAttempt = async () => {
    throw new AppError('TOO_MANY_REQUESTS', 'too many');
  };
  for (const token of ['garbage', 'good-and-new'])
    expect(await errorOf(ask(token, 'home', { requireAttempt }))).toMatchObject({
      code: 'TOO_MANY_REQUESTS',
    });
  expect(calls()).toBe(1);
  clock.advance(30_000);
  await ask('good', 'home', { requireAttempt });
  expect(calls()).toBe(2);
});

describe('an issuer that throttles', () => {
  const throttling =
    (seconds: number): Answer =>
    (response) =>
      response.writeHead(429, { 'retry-after': String(seconds) }).end();

  test('is left alone for as long as it says, but is asked about known callers once a minute', async () => {
    const { ask, calls } = open();
    await ask('good');
    const answer = issuer.answers['/introspect'];
    issuer.answers['/introspect'] = throttling(600);
    clock.advance(30_000);
    expect(await errorOf(ask('good-and-new'))).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      details: { reason: 'ISSUER_UNAVAILABLE', retryAfterSeconds: 600 },
    });
    for (let second = 0; second < 59; second += 1) {
      await ask('good');
      clock.advance(1000);
    }
    expect(calls()).toBe(2);
    issuer.answers['/introspect'] = answer;
    clock.advance(1000);
    await ask('good');
    expect(calls()).toBe(3);
    expect(await errorOf(ask('good-and-new'))).toMatchObject({
      details: { retryAfterSeconds: 540 },
    });
    clock.advance(540_000);
    await ask('good-and-new');
  });

  test('is asked about fewer unknown tokens from then on, until that has been long ago', async () => {
    const { ask, calls } = open();
    const answer = issuer.answers['/introspect'];
    issuer.answers['/introspect'] = throttling(5);
    await errorOf(ask('garbage'));
    issuer.answers['/introspect'] = answer;
    clock.advance(5000);
    const flood = async (name: string) => {
      const before = calls();
      for (let index = 0; index < 30; index += 1) await errorOf(ask(`${name}-${index}`, name));
      return calls() - before;
    };
    expect(await flood('a')).toBe(1);
    for (let index = 0; index < 20; index += 1) {
      clock.advance(20 * minuteMs);
      await ask('good');
    }
    expect(await flood('b')).toBe(20);
  });
});
