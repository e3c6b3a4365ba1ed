// The issuer is down, slow, throttling or not itself: 503, never 401, never a way in, and known callers go on.

import { findFreePort } from '@ondemand/sandbox';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { startServerHere } from '../support/start-api-in-this-process.ts';
import type { App } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { ask, countReached, readWhoami, resetVm, startAuthApp, transports } from './auth-world.ts';

let app: App;
beforeAll(() =>
  openSuite(async (opened) => {
    app = opened.use(await startAuthApp({ sandbox: { oidc: { flavour: 'authelia' } } }));
  }),
);
beforeEach(() => app.sandbox.faults.reset());

const oidc = () => app.sandbox.oidc;
const askWith = (token: string, { url } = { url: app.url }) =>
  Promise.all(
    transports.map((transport) =>
      ask(url, { transport, call: resetVm, authorization: `Bearer ${token}` }),
    ),
  );
const whoami = async (token: string, { url } = { url: app.url }) =>
  (await ask(url, { transport: 'REST', call: readWhoami, authorization: `Bearer ${token}` }))
    .status;

const faults: readonly (readonly [string, object])[] = [
  ['down', { down: true }],
  ['throttling', { status: 429, retryAfterSeconds: 1 }],
  ['failing with 500', { status: 500 }],
  ['failing with 502 and HTML', { status: 502, html: '<h1>Bad Gateway</h1>' }],
  ['answering a maintenance page', { html: '<h1>Maintenance</h1>' }],
  ['refusing our secret', { status: 401 }],
  ['forbidding us', { status: 403 }],
  ['gone from there', { status: 404 }],
  ['redirecting', { redirectTo: 'http://127.0.0.1:1/' }],
  ['answering a list', { json: [] }],
];

describe.each(faults)('9: the issuer is %s', (_, fault) => {
  test('for introspection: unknown tokens are 503, known ones and JWTs go on, nothing is run', async () => {
    const { paths, tokens } = oidc();
    const [known, unknown, jwt] = await Promise.all([
      tokens.read(),
      tokens.admin(),
      tokens.read({ format: 'jwt' }),
    ]);
    expect([await whoami(known), await whoami(jwt)]).toEqual([200, 200]);
    Object.assign(app.sandbox.faults.oidc, fault, {
      only: ({ path }: { path: string }) => path === paths.introspection,
    });
    const before = countReached(app);
    for (const answer of await askWith(unknown))
      expect(answer).toMatchObject({
        status: 503,
        code: 'SERVICE_UNAVAILABLE',
        challenge: null,
        retryAfter: expect.stringMatching(/^[1-9]\d*$/),
      });
    expect(countReached(app)).toEqual(before);
    expect([await whoami(known), await whoami(jwt)]).toEqual([200, 200]);
    app.sandbox.faults.reset();
    await until('the token to be accepted', async () => (await whoami(unknown)) === 200);
  });
});

describe('9: the issuer cannot be asked for its keys', () => {
  test.each(faults)(
    'from the start, as it is %s: 503 for good and bad tokens alike, and little is asked',
    async (_, fault) => {
      const [good, opaque] = [
        await oidc().tokens.admin({ format: 'jwt' }),
        await oidc().tokens.read(),
      ];
      Object.assign(app.sandbox.faults.oidc, fault);
      oidc().clear();
      await using server = await startServerHere({ ...app.sandbox.env });
      for (let index = 0; index < 5; index += 1)
        for (const token of [good, oidc().signForeign()])
          for (const answer of await askWith(token, server))
            expect(answer).toMatchObject({
              status: 503,
              challenge: null,
              retryAfter: expect.stringMatching(/^[1-9]\d*$/),
            });
      expect(oidc().requests.length).toBeLessThanOrEqual(2);
      expect(await whoami(opaque, server)).toBe(503);
      // No fault of the issuer makes a token of what is none.
      expect((await ask(server.url, { transport: 'REST', call: readWhoami })).status).toBe(401);
    },
  );
});

test('9: an issuer that hangs is 503 within the deadline, and known callers do not wait for it', async () => {
  const [known, unknown] = await Promise.all([oidc().tokens.read(), oidc().tokens.read()]);
  expect(await whoami(known)).toBe(200);
  app.sandbox.faults.oidc.hangs = true;
  const answered: string[] = [];
  const waiting = askWith(unknown).finally(() => answered.push('unknown'));
  expect(await whoami(known)).toBe(200);
  expect(answered).toEqual([]);
  for (const answer of await waiting) expect(answer.status).toBe(503);
});

test('9: our own secret being wrong is 503, and the log says what to fix without the secret', async () => {
  const token = await oidc().tokens.admin();
  await using server = await startServerHere({
    ...app.sandbox.env,
    OIDC_CLIENT_SECRET: 'not-the-secret-at-all',
  });
  for (const answer of await askWith(token, server))
    expect(answer).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^[1-9]\d*$/) });
  const advice = 'check OIDC_CLIENT_ID and OIDC_CLIENT_SECRET';
  await until('the log to say what to fix', () => server.output().includes(advice));
  expect(server.output()).not.toMatch(/not-the-secret-at-all|authelia_at_|Basic /);
});

test.each([
  ['a last slash too many', (issuer: string) => `${issuer}/`, 'the issuer says that it is '],
  [
    'a wrong path',
    (issuer: string) => `${issuer}/realms/x`,
    'no issuer describes itself at OIDC_ISSUER',
  ],
  [
    'a port where nobody listens',
    async () => `http://127.0.0.1:${await findFreePort()}`,
    'could not be asked (ECONNREFUSED)',
  ],
])('9: an OIDC_ISSUER with %s is told by the log at start', async (_, bend, words) => {
  await using server = await startServerHere({
    ...app.sandbox.env,
    OIDC_ISSUER: await bend(oidc().issuer),
    OIDC_JWKS_URI: undefined,
    OIDC_INTROSPECTION_URI: undefined,
  });
  await until('the log to say what is wrong', () => server.output().includes(words));
});

test('9: when the issuer is back, so is the API, without a restart', async () => {
  const good = await oidc().tokens.read({ format: 'jwt' });
  app.sandbox.faults.oidc.down = true;
  await using server = await startServerHere({ ...app.sandbox.env });
  expect([await whoami(good, server), (await fetch(`${server.url}/readyz`)).status]).toEqual([
    503, 503,
  ]);
  app.sandbox.faults.reset();
  await until('good tokens to be let in', async () => (await whoami(good, server)) === 200);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
});

describe('7: keys', () => {
  test('last good keys serve while the issuer is down, and unknown ones are 503 then, not 401', async () => {
    const jwt = await oidc().tokens.read({ format: 'jwt' });
    expect(await whoami(jwt)).toBe(200);
    await oidc().rotateKeys({ keepOld: true });
    const newer = await oidc().tokens.read({ format: 'jwt' });
    app.sandbox.faults.oidc.down = true;
    expect([await whoami(jwt), await whoami(newer), await whoami(newer)]).toEqual([200, 503, 503]);
    app.sandbox.faults.reset();
    await until('the new key to be found', async () => (await whoami(newer)) === 200);
    expect(await whoami(jwt)).toBe(200);
  });

  test('rotation is noticed at once, and what a withdrawn key signed is 401 from then on', async () => {
    await using server = await startServerHere({ ...app.sandbox.env });
    const before = await oidc().tokens.read({ format: 'jwt' });
    expect(await whoami(before, server)).toBe(200);
    await oidc().rotateKeys();
    const after = await oidc().tokens.read({ format: 'jwt' });
    expect([await whoami(after, server), await whoami(before, server)]).toEqual([200, 401]);
  });

  test('two hundred requests at once to a server that has just started make one fetch', async () => {
    await using server = await startServerHere({
      ...app.sandbox.env,
      RATE_LIMIT_PER_MINUTE: '1000000',
    });
    const jwt = await oidc().tokens.read({ format: 'jwt' });
    oidc().clear();
    const statuses = await Promise.all(Array.from({ length: 200 }, () => whoami(jwt, server)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(oidc().count(oidc().paths.jwks)).toBe(1);
  });
});
