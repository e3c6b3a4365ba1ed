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
import { createAuthenticator } from './authenticator.ts';
import { createIssuerHttp } from './issuer-http.ts';

const audience = 'https://ondemand.example.com';
const client = { id: 'api', secret: 'a secret: with/signs+%' };
const token = 'authelia_at_Zm9vYmFy.c2VjcmV0';
const nowSeconds = () => Math.floor(Date.now() / 1000);
const active = () => ({
  active: true,
  scope: 'read admin',
  aud: [audience],
  sub: 'diego',
  client_id: 'cli',
  token_type: 'bearer',
  exp: nowSeconds() + 3600,
  iat: nowSeconds(),
});

let issuer: TestIssuer;
let discovery: unknown;
beforeAll(async () => {
  issuer = await startTestIssuer();
  discovery = issuer.answers[discoveryPath];
});
afterAll(() => issuer[Symbol.asyncDispose]());
beforeEach(() => {
  issuer.answers[discoveryPath] = discovery;
  issuer.answers['/introspect'] = active();
});

const settings = () => ({
  issuer: issuer.url,
  audience,
  scopeNames: { read: 'read', admin: 'admin' },
  client,
});

function open(options: Partial<Parameters<typeof createAuthenticator>[0]> = {}) {
  const clock = createTestClock();
  const { authenticate } = createAuthenticator({
    ...settings(),
    now: clock.now,
    date: clock.date,
    ...options,
  });
  const from = issuer.count('/introspect');
  return {
    clock,
    verify: (value = token) => authenticate([`Bearer ${value}`]),
    calls: () => issuer.count('/introspect') - from,
  };
}

test('the question is a form, and the API names itself with HTTP Basic', async () => {
  expect(await open().verify()).toMatchObject({
    sub: 'diego',
    clientId: 'cli',
    scopes: ['read', 'admin'],
  });
  expect(issuer.requests.at(-1)).toEqual({
    method: 'POST',
    path: '/introspect',
    authorization: `Basic ${btoa('api:a secret: with/signs%2B%25')}`,
    contentType: 'application/x-www-form-urlencoded;charset=UTF-8',
    body: `token=${token}&token_type_hint=access_token`,
  });
});

describe('the secret of the API in Basic', () => {
  test.each([
    'with - _ . ~ ! signs',
    "base64/like==&;,'()*$@#?",
    'a+b%2Fc%%',
    'colon:s and ümlauts ☃',
    'tab\tand newline\n',
  ])(
    '%j is what an issuer has that decodes, and where nothing needs it one that does not',
    async (secret) => {
      await open({ client: { id: 'my:api+1', secret } }).verify();
      const [, encoded = ''] = issuer.requests.at(-1)?.authorization?.split(' ') ?? [];
      const [id = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
      const sent = rest.join(':');
      const decode = (text: string) => decodeURIComponent(text.replaceAll('+', '%20'));
      expect([decode(id), decode(sent)]).toEqual(['my:api+1', secret]);
      if (/^[\x20-\x7e]*$/.test(secret) && !/[+%]/.test(secret)) expect(sent).toBe(secret);
    },
  );

  test.each([401, 403, 400])(
    'goes into the form where the header is refused with %i and the issuer takes both, then always',
    async (status) => {
      issuer.answers[discoveryPath] = {
        ...(discovery as object),
        token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      };
      issuer.answers['/introspect'] = ((response, { authorization }) => {
        if (authorization === undefined) sendJson(response, active());
        else response.writeHead(status).end('{"error":"invalid_client"}');
      }) satisfies Answer;
      const { verify, calls } = open();
      await verify();
      expect(calls()).toBe(2);
      await verify('another');
      expect(calls()).toBe(3);
      issuer.answers['/introspect'] = ((response) => response.writeHead(status).end()) as Answer;
      expect(await errorOf(verify('a-third'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    },
  );

  test('goes into the form where the issuer takes it in no header', async () => {
    issuer.answers[discoveryPath] = {
      ...(discovery as object),
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    };
    await open().verify();
    const { authorization, body } = issuer.requests.at(-1) ?? { body: '' };
    expect(authorization).toBeUndefined();
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      token,
      token_type_hint: 'access_token',
      client_id: client.id,
      client_secret: client.secret,
    });
  });
});

test('without a client of its own the API takes no opaque token and asks nobody', async () => {
  const { verify, calls } = open({ client: undefined });
  expect(await errorOf(verify())).toMatchObject({
    code: 'UNAUTHORIZED',
    details: { reason: 'invalid_token' },
  });
  expect(calls()).toBe(0);
});

test('a configured endpoint is used without discovery', async () => {
  issuer.answers[discoveryPath] = undefined;
  await open({ introspectionUri: `${issuer.url}/introspect` }).verify();
});

describe('accepted', () => {
  test.each<[string, Record<string, unknown>, unknown]>([
    ['one audience as text', { aud: audience }, {}],
    ['our audience among others', { aud: ['x', audience] }, {}],
    ['no token_type', { token_type: undefined }, {}],
    ['token_type Bearer', { token_type: 'Bearer' }, {}],
    ['token_use access_token', { token_use: 'access_token' }, {}],
    ['no iat', { iat: undefined }, {}],
    ['the right iss', { iss: 'issuer' }, {}],
    ['a client that acts for itself', { sub: undefined }, { sub: 'cli' }],
    ['scope read', { scope: 'read' }, { scopes: ['read'] }],
    ['no scope', { scope: undefined }, { scopes: [] }],
    ['scp', { scope: undefined, scp: ['admin'] }, { scopes: ['read', 'admin'] }],
    ['an exp that is over within the skew', { exp: nowSeconds() - 20 }, {}],
  ])('%s', async (_, change, expected) => {
    const iss = 'iss' in change ? { iss: issuer.url } : {};
    issuer.answers['/introspect'] = { ...active(), ...change, ...iss };
    expect(await open().verify()).toMatchObject({ clientId: 'cli', ...(expected as object) });
  });
});

describe('refused with invalid_token', () => {
  const soon = nowSeconds() + 300;
  test.each<[string, Record<string, unknown>]>([
    ['inactive', { active: false }],
    ['active a string', { active: 'true' }],
    ['active 1', { active: 1 }],
    ['active null', { active: null }],
    ['active a list', { active: [true] }],
    ['no active', { active: undefined }],
    ['another audience', { aud: ['https://other.example.com'] }],
    ['a longer audience', { aud: `${audience}/` }],
    ['no audience', { aud: undefined }],
    ['an empty list of audiences', { aud: [] }],
    ['audience null', { aud: null }],
    ['expired', { exp: nowSeconds() - 31 }],
    ['no exp', { exp: undefined }],
    ['exp a string', { exp: String(soon) }],
    ['exp 0', { exp: 0 }],
    ['not yet valid', { nbf: soon }],
    ['issued in the future', { iat: soon }],
    ['an empty sub', { sub: '' }],
    ['sub null', { sub: null }],
    ['no client_id', { client_id: undefined }],
    ['an empty client_id', { client_id: '' }],
    ['another issuer', { iss: 'https://evil.example.com' }],
    ['a DPoP token', { token_type: 'DPoP' }],
    ['token_type null', { token_type: null }],
    ['token_type refresh_token', { token_type: 'refresh_token' }],
    ['token_use refresh_token', { token_use: 'refresh_token' }],
    ['token_use id', { token_use: 'id' }],
    ['typ Refresh', { typ: 'Refresh' }],
    ['typ Offline', { typ: 'Offline' }],
    ['a token bound to a key', { cnf: { jkt: 'x' } }],
  ])('%s', async (_, change) => {
    issuer.answers['/introspect'] = { ...active(), ...change };
    const error = await errorOf(open().verify());
    expect(error).toMatchObject({ code: 'UNAUTHORIZED', details: { reason: 'invalid_token' } });
    expect(toLogText(error)).not.toContain(token);
  });

  test.each([
    'authelia_rt_Zm9vYmFy.c2VjcmV0',
    'AUTHELIA_RT_Zm9v',
    'authelia_ac_Zm9v',
    'authelia_dc_Zm9v',
  ])('%s by its prefix alone, unasked', async (value) => {
    const { verify, calls } = open();
    expect(await errorOf(verify(value))).toMatchObject({ code: 'UNAUTHORIZED' });
    expect(calls()).toBe(0);
  });

  test.each(['a.b.c', 'eyJhbGciOiJub25lIn0.e30', 'eyJhbGciOiJub25lIn0.e30.', 'eyJh.b.c.d.e'])(
    '%s, in the form of a JWT, is never introspected',
    async (value) => {
      issuer.answers['/jwks'] = { keys: [{ kty: 'oct', kid: 'x', k: 'AAAA' }] };
      const { verify, calls } = open();
      expect(await errorOf(verify(value))).toMatchObject({ code: 'UNAUTHORIZED' });
      expect(calls()).toBe(0);
    },
  );
});

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
    const { verify, calls, clock } = open();
    await verify('first');
    issuer.answers['/introspect'] = { active: false };
    for (let index = 0; index < 1100; index += 1) {
      clock.advance(10 * 60_000); // as fast as the budget allows
      await errorOf(verify(`garbage-${index}`));
    }
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
    const { authenticate } = createAuthenticator(settings());
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

describe('faults of the issuer', () => {
  test.each(Object.entries(issuerFaults))(
    '%s is 503, is no verdict, and lets nobody in',
    async (_, fault) => {
      const { verify, clock } = open();
      await verify('known');
      issuer.answers['/introspect'] = fault;
      const error = await errorOf(verify());
      expect(error).toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        details: { reason: 'ISSUER_UNAVAILABLE', retryAfterSeconds: 5 },
      });
      expect(toLogText(error)).not.toMatch(/authelia_at_|c2VjcmV0|signs|Basic/);
      await verify('known');
      clock.advance(299_999);
      await verify('known');
      clock.advance(1);
      expect(await errorOf(verify('known'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      issuer.answers['/introspect'] = active();
      await verify();
      await verify('known');
    },
  );

  test('redirects are not followed, so no credentials go elsewhere', () => {
    expect(issuer.count('/elsewhere')).toBe(0);
  });

  test.each([401, 403])(
    'refusing our own secret with %i is 503 and says so in the log',
    async (status) => {
      issuer.answers['/introspect'] = ((response) =>
        response.writeHead(status).end('{}')) as Answer;
      const error = await errorOf(open().verify());
      expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
      expect(toLogText(error)).toContain('OIDC_CLIENT_SECRET');
      expect(error.message).not.toContain('SECRET');
    },
  );

  test('throttling is obeyed: nobody asks again before Retry-After', async () => {
    const { verify, calls, clock } = open();
    await verify('known');
    issuer.answers['/introspect'] = ((response) =>
      response.writeHead(429, { 'retry-after': '7' }).end()) as Answer;
    expect(await errorOf(verify())).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      details: { retryAfterSeconds: 7 },
    });
    issuer.answers['/introspect'] = active();
    clock.advance(5000);
    expect(await errorOf(verify())).toMatchObject({ details: { retryAfterSeconds: 2 } });
    await verify('known');
    expect(calls()).toBe(2);
    clock.advance(2000);
    await verify();
  });

  test('a Retry-After that is a date is obeyed as well', async () => {
    const date = new Date(Date.now() + 90_000).toUTCString();
    issuer.answers['/introspect'] = ((response) =>
      response.writeHead(429, { 'retry-after': date }).end()) satisfies Answer;
    const { details } = await errorOf(open().verify());
    expect(details.retryAfterSeconds).toBeGreaterThan(30);
    expect(details.retryAfterSeconds).toBeLessThanOrEqual(90);
  });

  test('throttling without a Retry-After is obeyed for five seconds', async () => {
    const { verify, calls, clock } = open();
    issuer.answers['/introspect'] = ((response) => response.writeHead(429).end()) as Answer;
    await errorOf(verify());
    clock.advance(4999);
    await errorOf(verify());
    expect(calls()).toBe(1);
    clock.advance(1);
    await errorOf(verify());
    expect(calls()).toBe(2);
  });

  test('known callers go on, never past the end of their token', async () => {
    const { verify, clock } = open();
    issuer.answers['/introspect'] = { ...active(), exp: nowSeconds() + 60 };
    await verify();
    issuer.answers['/introspect'] = issuerFaults['answering 500'];
    clock.advance(55_000);
    await verify();
    clock.advance(10_000);
    expect(await errorOf(verify())).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  });

  test('a revocation is noticed as soon as the issuer can be asked again', async () => {
    const { verify, clock } = open();
    await verify();
    issuer.answers['/introspect'] = issuerFaults['answering 500'];
    clock.advance(60_000);
    await verify();
    issuer.answers['/introspect'] = { active: false };
    clock.advance(5000);
    expect(await errorOf(verify())).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('known callers are served at once for five seconds after a failure, and after a second while the issuer hangs', async () => {
    const { verify, calls, clock } = open();
    await verify();
    issuer.answers['/introspect'] = issuerFaults['answering 500'];
    clock.advance(31_000);
    for (let index = 0; index < 10; index += 1) await verify();
    expect(calls()).toBe(2);
    issuer.answers['/introspect'] = (() => {}) as Answer;
    clock.advance(5000);
    await verify();
    expect(calls()).toBe(3);
  });

  test('not answering at all is 503 within the deadline', async () => {
    issuer.answers['/introspect'] = (() => {}) as Answer;
    const http = createIssuerHttp({ timeoutMs: 200 });
    const asked = http.postForm(
      `${issuer.url}/introspect`,
      { token },
      { authorization: 'Basic x' },
    );
    const error = await errorOf(asked);
    expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(toLogText(error)).toContain('did not answer in time');
  });

  test.each<[string, unknown]>([
    ['without the endpoint', { issuer: 'own' }],
    ['of another issuer', { issuer: 'https://evil.example.com' }],
    ['with an endpoint that is no URL', { issuer: 'own', introspection_endpoint: 'javascript:0' }],
  ])('metadata %s is 503, and is asked for again', async (_, metadata) => {
    const own = { ...(metadata as Record<string, unknown>) };
    if (own.issuer === 'own') own.issuer = issuer.url;
    issuer.answers[discoveryPath] = own;
    const { verify, calls } = open();
    expect(await errorOf(verify())).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(calls()).toBe(0);
    issuer.answers[discoveryPath] = discovery;
    await verify();
  });

  test('an endpoint that moved is found again', async () => {
    const { verify } = open();
    await verify();
    issuer.answers['/introspect'] = undefined;
    issuer.answers['/moved'] = (response: Parameters<Answer>[0]) => sendJson(response, active());
    issuer.answers[discoveryPath] = {
      ...(discovery as object),
      introspection_endpoint: `${issuer.url}/moved`,
    };
    expect(await errorOf(verify('other'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    await verify('other');
  });
});
