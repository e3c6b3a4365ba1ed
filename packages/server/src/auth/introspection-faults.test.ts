// An issuer that fails, throttles or says nothing: 503 for tokens that nobody knows, and known callers go on.

import { expect, test } from 'vitest';
import {
  active,
  nowSeconds,
  startIntrospection,
  token,
} from '../testing/introspection.test-support.ts';
import {
  type Answer,
  discoveryPath,
  errorOf,
  issuerFaults,
  sendJson,
  toLogText,
} from '../testing/issuer.test-support.ts';
import { createIssuerHttp } from './issuer-http.ts';

const { issuer, discovery, open } = await startIntrospection();

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
    issuer.answers['/introspect'] = ((response) => response.writeHead(status).end('{}')) as Answer;
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
  const asked = http.postForm(`${issuer.url}/introspect`, { token }, { authorization: 'Basic x' });
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
