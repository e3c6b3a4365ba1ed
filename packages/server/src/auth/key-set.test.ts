import { AppError } from '@ondemand/core';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type Answer,
  createTestClock,
  discoveryPath,
  errorOf,
  fakeSystemClocks,
  issuerFaults,
  sendJson,
  startTestIssuer,
  type TestIssuer,
  toLogText,
} from '../testing/issuer.test-support.ts';
import { createDiscovery } from './discovery.ts';
import { createIssuerHttp } from './issuer-http.ts';
import { createKeySet, type KeySet, withId } from './key-set.ts';

const jwks = (...kids: string[]) => ({
  keys: kids.map((kid) => ({ kty: 'RSA', kid, n: 'AQAB', e: 'AQAB' })),
});
const [key] = jwks('a').keys;
const minuteMs = 60_000;

let issuer: TestIssuer;
let discovery: unknown;
beforeAll(async () => {
  issuer = await startTestIssuer();
  discovery = issuer.answers[discoveryPath];
});
afterAll(() => issuer[Symbol.asyncDispose]());
beforeEach(() => {
  issuer.answers[discoveryPath] = discovery;
  issuer.answers['/jwks'] = jwks('a', 'b');
});

/** As a token of that key id needs it. */
async function findKey(keys: KeySet, kid: string, network = 'net') {
  const named = withId(await keys.current(), kid);
  return named.length > 0 ? named : keys.find(kid, { network, async requireAttempt() {} });
}

function open({ issuerName = issuer.url, jwksUri = undefined as string | undefined } = {}) {
  const clock = createTestClock();
  const http = createIssuerHttp();
  const keys = createKeySet({
    http,
    discovery: createDiscovery({ issuer: issuerName, http }),
    jwksUri,
    now: clock.now,
  });
  const from = issuer.requests.length;
  const find = (kid: string, network?: string) => findKey(keys, kid, network);
  return {
    clock,
    keys,
    find,
    has: async (kid: string, network?: string) => (await find(kid, network)).length > 0,
    /** Requests since it was opened. */
    calls: (path = '/jwks') =>
      issuer.requests.slice(from).filter((request) => request.path === path).length,
  };
}

test('keys are discovered once and fetched once for five minutes', async () => {
  const { has, calls, clock } = open();
  expect(await Promise.all([has('a'), has('b'), has('a')])).toEqual([true, true, true]);
  clock.advance(5 * minuteMs - 1);
  await has('a');
  expect([calls(discoveryPath), calls()]).toEqual([1, 1]);
  clock.advance(1);
  await has('a');
  expect([calls(discoveryPath), calls()]).toEqual([1, 2]);
});

describe('where the keys are', () => {
  test('can be asked for alone, which leaves nothing to ask but the keys', async () => {
    const { keys, has, calls } = open();
    await keys.locate();
    expect([calls(discoveryPath), calls()]).toEqual([1, 0]);
    await has('a');
    expect([calls(discoveryPath), calls()]).toEqual([1, 1]);
  });

  test('is a failure like any other, after which the issuer is left alone', async () => {
    issuer.answers[discoveryPath] = issuerFaults['answering 500'];
    const { keys, find, calls } = open();
    expect(await errorOf(keys.locate())).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(await errorOf(find('a'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect([calls(discoveryPath), calls()]).toEqual([1, 0]);
  });

  test('is not asked for when it is configured', async () => {
    const { keys, calls } = open({ jwksUri: `${issuer.url}/jwks` });
    await keys.locate();
    expect(calls(discoveryPath)).toBe(0);
  });
});

test('a configured address is used without discovery', async () => {
  const { has, calls } = open({ jwksUri: `${issuer.url}/jwks` });
  expect(await has('a')).toBe(true);
  expect(calls(discoveryPath)).toBe(0);
});

test('a new key is found at once, and with it an old one is withdrawn', async () => {
  const { has, clock } = open();
  expect(await has('a')).toBe(true);
  issuer.answers['/jwks'] = jwks('c');
  expect(await has('a')).toBe(true);
  expect(await has('c')).toBe(true);
  expect(await has('a')).toBe(false);
  clock.advance(30_000);
  issuer.answers['/jwks'] = jwks('d');
  expect(await has('d')).toBe(true);
});

test('a withdrawn key is refused after five minutes at the latest', async () => {
  const { has, clock } = open();
  await has('a');
  issuer.answers['/jwks'] = jwks('b');
  clock.advance(5 * minuteMs);
  expect(await has('a')).toBe(false);
});

describe('key ids that nobody knows', () => {
  const notChecked = {
    code: 'SERVICE_UNAVAILABLE',
    details: { reason: 'TOKEN_NOT_CHECKED', retryAfterSeconds: expect.any(Number) },
  };

  test('cost the issuer three fetches a network, and what was not looked for is no verdict', async () => {
    const { find, has, calls } = open();
    await has('a');
    for (let index = 0; index < 3; index += 1) expect(await has(`x${index}`)).toBe(false);
    for (let index = 3; index < 500; index += 1)
      expect(await errorOf(find(`x${index}`))).toMatchObject(notChecked);
    expect(calls()).toBe(4);
  });

  test('at once share one fetch', async () => {
    const { has, calls } = open();
    await has('a');
    const found = await Promise.all(Array.from({ length: 500 }, (_, index) => has(`y${index}`)));
    expect(new Set(found)).toEqual(new Set([false]));
    expect(calls()).toBe(2);
  });

  test('cost nothing when they are asked for again within twenty seconds', async () => {
    const { has, calls, clock } = open();
    for (let index = 0; index < 50; index += 1) expect(await has('x')).toBe(false);
    expect(calls()).toBe(2);
    clock.advance(20_000);
    issuer.answers['/jwks'] = jwks('a', 'x');
    expect(await has('x')).toBe(true);
  });

  test('of one network keep no other from finding the key of a rotation at once', async () => {
    const { find, has, calls } = open();
    await has('a');
    for (let index = 0; index < 50; index += 1)
      await find(`x${index}`, 'elsewhere').catch(() => {});
    issuer.answers['/jwks'] = jwks('c');
    expect(await has('c')).toBe(true);
    expect(calls()).toBe(5);
  });

  test('do not keep one rotation after another from being found, which costs nothing', async () => {
    const { has } = open();
    await has('a');
    for (let index = 0; index < 50; index += 1) {
      issuer.answers['/jwks'] = jwks(`rotated-${index}`);
      expect(await has(`rotated-${index}`)).toBe(true);
    }
  });

  test('of many networks cost a few fetches a minute, and the key of a rotation is found within seconds', async () => {
    const { find, has, calls, clock } = open();
    await has('a');
    const flood = async () => {
      for (let index = 0; index < 100; index += 1)
        await find(`x${clock.now()}-${index}`, `net-${index}`).catch(() => {});
    };
    await flood();
    expect(calls()).toBe(9);
    issuer.answers['/jwks'] = jwks('c');
    const { retryAfterSeconds } = (await errorOf(find('c'))).details;
    expect(retryAfterSeconds).toBe(10);
    clock.advance(10_000);
    expect(await has('c')).toBe(true);
    await flood();
    clock.advance(60_000);
    const before = calls();
    await flood();
    expect(calls() - before).toBeLessThanOrEqual(8);
  });

  test('of an address that may not fail any more are not looked for', async () => {
    const { keys, calls } = open();
    await keys.load();
    const requireAttempt = async () => {
      throw new AppError('TOO_MANY_REQUESTS', 'too many');
    };
    expect(await errorOf(keys.find('x', { network: 'net', requireAttempt }))).toMatchObject({
      code: 'TOO_MANY_REQUESTS',
    });
    expect(calls()).toBe(1);
  });

  test('that come while the keys are fetched are looked for in what is fetched after they came', async () => {
    const { has, calls } = open();
    await has('a');
    let answer = () => {};
    issuer.answers['/jwks'] = ((response) => {
      answer = () => sendJson(response, jwks('a'));
    }) as Answer;
    const garbage = has('x');
    await expect.poll(calls).toBe(2);
    const rotated = has('c');
    issuer.answers['/jwks'] = jwks('c');
    answer();
    expect(await Promise.all([garbage, rotated])).toEqual([false, true]);
  });
});

describe('last good keys', () => {
  test.each(Object.entries(issuerFaults))('serve while the issuer is %s', async (_, fault) => {
    const { has, calls, clock } = open();
    await has('a');
    issuer.answers['/jwks'] = fault;
    issuer.answers[discoveryPath] = fault;
    clock.advance(10 * minuteMs);
    expect([await has('a'), await has('a'), await has('b')]).toEqual([true, true, true]);
    expect(calls()).toBe(2); // and the issuer is left alone after a failure
  });

  test('serve for an hour at most', async () => {
    const { find, has, clock } = open();
    await has('a');
    issuer.answers['/jwks'] = issuerFaults['answering 500'];
    clock.advance(60 * minuteMs - 1);
    expect(await has('a')).toBe(true);
    clock.advance(5001);
    expect(await errorOf(find('a'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    issuer.answers['/jwks'] = jwks('a');
    clock.advance(5000);
    expect(await has('a')).toBe(true);
  });

  test('do not say that a key they lack is bad', async () => {
    const { find, has, clock } = open();
    await has('a');
    issuer.answers['/jwks'] = issuerFaults['answering 500'];
    for (let index = 0; index < 3; index += 1)
      expect(await errorOf(find('new'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    issuer.answers['/jwks'] = jwks('a', 'new');
    clock.advance(5000);
    expect(await has('new')).toBe(true);
  });

  test('serve within a second while the issuer hangs', async () => {
    const { has, clock } = open();
    await has('a');
    issuer.answers['/jwks'] = (() => {}) as Answer;
    clock.advance(10 * minuteMs);
    expect(await has('a')).toBe(true); // nothing else would end it: the issuer never answers
  });

  test('do not outlive the withdrawal of every key', async () => {
    const { find, has, clock } = open();
    await has('a');
    issuer.answers['/jwks'] = jwks();
    clock.advance(5 * minuteMs);
    expect(await errorOf(find('a'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  });
});

describe('without any keys', () => {
  test.each(Object.entries(issuerFaults))(
    'the issuer %s is 503, and is left alone for five seconds',
    async (_, fault) => {
      issuer.answers['/jwks'] = fault;
      const { find, has, calls, clock } = open();
      for (let index = 0; index < 3; index += 1)
        expect(await errorOf(find('a'))).toMatchObject({
          code: 'SERVICE_UNAVAILABLE',
          details: { reason: 'ISSUER_UNAVAILABLE', retryAfterSeconds: 5 },
        });
      expect(calls()).toBe(1);
      issuer.answers['/jwks'] = jwks('a');
      clock.advance(5000);
      expect(await has('a')).toBe(true);
    },
  );

  test.each<[string, unknown]>([
    ['another issuer', { issuer: 'https://evil.example.com', jwks_uri: 'http://127.0.0.1:9/' }],
    ['no issuer', { jwks_uri: 'http://127.0.0.1:9/' }],
    ['a longer issuer', { issuer: 'own/', jwks_uri: 'http://127.0.0.1:9/' }],
    ['no jwks_uri', { issuer: 'own' }],
    ['a file as jwks_uri', { issuer: 'own', jwks_uri: 'file:///etc/passwd' }],
  ])('metadata of %s is 503', async (_, metadata) => {
    const { issuer: name, ...rest } = metadata as { issuer?: string };
    issuer.answers[discoveryPath] = {
      ...rest,
      ...(name && { issuer: name.replace('own', issuer.url) }),
    };
    const { keys, calls } = open();
    expect(await errorOf(keys.load())).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(calls()).toBe(0);
  });

  test('malformed ones are 503', async () => {
    const documents = [{}, { keys: key }, { keys: 'a' }, { keys: null }, jwks()];
    for (const answer of [...documents, { keys: [1] }, { keys: [{ kid: 'a' }] }]) {
      issuer.answers['/jwks'] = answer;
      expect(await errorOf(open().find('a'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    }
  });
});

describe('what is no key to verify with is passed over, and the keys beside it serve', () => {
  test.each<[unknown]>([
    [{ kid: 'a' }],
    [{ ...key, kty: 5 }],
    [{ ...key, kid: 5 }],
    [{ ...key, kid: null }],
    [{ ...key, kid: undefined }],
    [{ ...key, alg: 5 }],
    [{ ...key, use: 'enc' }],
    [{ ...key, use: null }],
    [{ ...key, key_ops: ['encrypt'] }],
    [{ ...key, key_ops: [] }],
    [{ ...key, key_ops: 'verify' }],
    [null],
    ['str'],
    [5],
    [[]],
  ])('%j', async (odd) => {
    issuer.answers['/jwks'] = { keys: [odd, ...jwks('b').keys, odd] };
    const { has } = open();
    const kids = ['a', '5', 'null', 'undefined', 'b'];
    const found = await Promise.all(kids.map((kid) => has(kid)));
    expect(found).toEqual([false, false, false, false, true]);
  });

  test.each<[Record<string, unknown>]>([
    [{ use: 'sig', key_ops: ['verify'], alg: 'RS256' }],
    [{ 'x-ours': 1 }],
    [{ kty: 'AKP' }],
  ])('but not what merely says %j', async (more) => {
    issuer.answers['/jwks'] = { keys: [{ ...key, ...more }] };
    expect(await open().find('a')).toEqual([{ ...key, ...more }]);
  });
});

test('keys that share an id are all found, in the order of the issuer', async () => {
  const elliptic = { kty: 'EC', crv: 'P-256', kid: 'a' };
  issuer.answers['/jwks'] = { keys: [key, ...jwks('b').keys, elliptic] };
  expect(await open().find('a')).toEqual([key, elliptic]);
});

describe('a clock set back by an hour', () => {
  const hourMs = 60 * minuteMs;
  const open = () => {
    const http = createIssuerHttp();
    const keys = createKeySet({ http, discovery: createDiscovery({ issuer: issuer.url, http }) });
    return async (kid: string) => (await findKey(keys, kid)).length > 0;
  };

  test('prolongs no cool-down: not after a failure', async () => {
    using clocks = fakeSystemClocks();
    const has = open();
    issuer.answers['/jwks'] = issuerFaults['answering 500'];
    await errorOf(has('a'));
    issuer.answers['/jwks'] = jwks('a');
    clocks.setBack(hourMs);
    expect(await errorOf(has('a'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    vi.advanceTimersByTime(5000);
    expect(await has('a')).toBe(true);
  });

  test('prolongs no cool-down: not after an unknown key id', async () => {
    using clocks = fakeSystemClocks();
    const has = open();
    expect(await has('new')).toBe(false);
    issuer.answers['/jwks'] = jwks('a', 'new');
    clocks.setBack(hourMs);
    expect(await has('new')).toBe(false);
    vi.advanceTimersByTime(30_000);
    expect(await has('new')).toBe(true);
  });

  test('keeps no withdrawn key', async () => {
    using clocks = fakeSystemClocks();
    const has = open();
    expect(await has('a')).toBe(true);
    issuer.answers['/jwks'] = jwks('b');
    clocks.setBack(hourMs);
    vi.advanceTimersByTime(5 * minuteMs);
    expect(await has('a')).toBe(false);
  });
});

test('keys that are not public are a fault of the issuer, not of our secret', async () => {
  issuer.answers['/jwks'] = ((response) => response.writeHead(401).end()) as Answer;
  const text = toLogText(await errorOf(open().find('a')));
  expect(text).toContain('HTTP 401');
  expect(text).not.toContain('OIDC_CLIENT_SECRET');
});

test('keys that moved are discovered again after a failure', async () => {
  const { has, clock } = open();
  await has('a');
  issuer.answers['/jwks'] = issuerFaults['answering 500'];
  issuer.answers['/moved'] = jwks('new');
  issuer.answers[discoveryPath] = { issuer: issuer.url, jwks_uri: `${issuer.url}/moved` };
  clock.advance(5 * minuteMs);
  expect(await has('a')).toBe(true);
  clock.advance(5000);
  expect(await has('new')).toBe(true);
});

test('answers() tells that the issuer gives no keys while callers go on with the last good ones', async () => {
  const { clock, keys } = open();
  expect(await keys.answers()).toBe(true);
  issuer.answers['/jwks'] = issuerFaults['answering 500'];
  expect(await keys.answers()).toBe(true); // it is not asked for five minutes
  clock.advance(6 * minuteMs);
  expect(await keys.answers()).toBe(false);
  expect(await keys.current()).toHaveLength(2);
  issuer.answers['/jwks'] = jwks('a', 'b');
  clock.advance(minuteMs);
  expect(await keys.answers()).toBe(true);
});
