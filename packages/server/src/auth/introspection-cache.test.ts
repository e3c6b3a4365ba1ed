// For how long an answer of the issuer serves, also where a clock is set back.

import { describe, expect, test, vi } from 'vitest';
import {
  active,
  nowSeconds,
  startIntrospection,
  token,
} from '../testing/introspection.test-support.ts';
import {
  type Answer,
  errorOf,
  fakeSystemClocks,
  unhurriedHttp,
} from '../testing/issuer.test-support.ts';
import { createAuthenticator } from './authenticator.ts';
import { createIssuerHttp } from './issuer-http.ts';

const { issuer, settings, open } = await startIntrospection();

describe('the cache', () => {
  test('many at once with one token make one call, and so do all within 30 s', async () => {
    const { verify, calls, clock } = open();
    await Promise.all(Array.from({ length: 50 }, () => verify()));
    clock.advance(29_999);
    await verify();
    expect(calls()).toBe(1);
    issuer.answers['/introspect'] = { active: false };
    clock.advance(1);
    expect(await errorOf(verify())).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(calls()).toBe(2);
  });

  test('an answer serves no longer than the token', async () => {
    issuer.answers['/introspect'] = { ...active(), exp: nowSeconds() + 5 };
    const { verify, calls, clock } = open();
    await verify();
    clock.advance(6000);
    await verify(); // within the skew the issuer's word counts
    expect(calls()).toBe(2);
  });

  test('a refusal serves for 10 s', async () => {
    issuer.answers['/introspect'] = { active: false };
    const { verify, calls, clock } = open();
    await Promise.all(Array.from({ length: 20 }, () => errorOf(verify())));
    clock.advance(9999);
    await errorOf(verify());
    expect(calls()).toBe(1);
    issuer.answers['/introspect'] = active();
    clock.advance(1);
    await verify();
    expect(calls()).toBe(2);
  });

  test('garbage never pushes out what was accepted', async () => {
    let garbage = 0;
    const http = createIssuerHttp({
      timeoutMs: 60_000,
      async fetch(url, init) {
        if (!String(init?.body).includes('garbage')) return fetch(url, init);
        garbage += 1; // so much of it that a connection for each would take long
        return Response.json({ active: false });
      },
    });
    const { verify, calls, clock } = open({ http });
    await verify('first');
    for (let index = 0; index < 1100; index += 1) {
      clock.advance(20 * 60_000); // as fast as the budget of a network allows
      await errorOf(verify(`garbage-${index}`));
    }
    expect(garbage).toBe(1100);
    issuer.answers['/introspect'] = { ...active(), exp: nowSeconds() + 1e7 };
    const before = calls();
    await verify('first'); // long stale, and still exempt from the budget, which is used up
    await verify('first');
    expect(calls()).toBe(before + 1);
  });
});

describe('a clock set back by an hour', () => {
  const hourMs = 3_600_000;
  const open = () => {
    const { authenticate } = createAuthenticator({ http: unhurriedHttp, ...settings() });
    return (value = token) => authenticate([`Bearer ${value}`]);
  };
  const undated = () => ({ ...active(), iat: undefined }); // else it is from the future afterwards

  test('keeps no revoked token', async () => {
    using clocks = fakeSystemClocks();
    const verify = open();
    issuer.answers['/introspect'] = undated();
    await verify();
    issuer.answers['/introspect'] = { active: false };
    clocks.setBack(hourMs);
    await verify();
    vi.advanceTimersByTime(30_000);
    expect(await errorOf(verify())).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('does not prolong a refusal', async () => {
    using clocks = fakeSystemClocks();
    const verify = open();
    issuer.answers['/introspect'] = { active: false };
    await errorOf(verify());
    issuer.answers['/introspect'] = undated();
    clocks.setBack(hourMs);
    vi.advanceTimersByTime(10_000);
    await verify();
  });

  test('does not prolong the wait that the issuer asked for', async () => {
    using clocks = fakeSystemClocks();
    const verify = open();
    const answer = undated();
    issuer.answers['/introspect'] = ((response) =>
      response.writeHead(429, { 'retry-after': '7' }).end()) as Answer;
    await errorOf(verify());
    issuer.answers['/introspect'] = answer;
    clocks.setBack(hourMs);
    expect(await errorOf(verify())).toMatchObject({ details: { retryAfterSeconds: 7 } });
    vi.advanceTimersByTime(7000);
    await verify();
  });

  test('takes nothing from the budget for unknown tokens', async () => {
    using clocks = fakeSystemClocks();
    const verify = open();
    issuer.answers['/introspect'] = { active: false };
    clocks.setBack(hourMs);
    for (let index = 0; index < 20; index += 1)
      expect(await errorOf(verify(`garbage-${index}`))).toMatchObject({ code: 'UNAUTHORIZED' });
    clocks.setBack(hourMs);
    vi.advanceTimersByTime(1_200_000);
    expect(await errorOf(verify('one-more'))).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('is what the times in a token are judged by', async () => {
    using clocks = fakeSystemClocks();
    const verify = open();
    issuer.answers['/introspect'] = { ...active(), exp: nowSeconds() - 60 };
    expect(await errorOf(verify('ended'))).toMatchObject({ code: 'UNAUTHORIZED' });
    issuer.answers['/introspect'] = { ...undated(), exp: nowSeconds() - 60 };
    clocks.setBack(hourMs);
    expect(await verify('not-yet-ended')).toMatchObject({ sub: 'diego' });
  });
});
