// The resource server's checklist over the whole product; the number before each name is the line of the checklist.

import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { expectApiError, jwtPattern } from '../support/expect-api-error.ts';
import { startServerHere } from '../support/start-api-in-this-process.ts';
import type { App } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import {
  ask,
  type Call,
  challenges,
  countReached,
  expectInvalidToken,
  readWhoami,
  resetVm,
  startAuthApp,
  type Transport,
  toAuthAnswer,
  transports,
} from './auth-world.ts';
import { signInPerson } from './tokens-of-each-kind.ts';

let app: App;
beforeAll(() =>
  openSuite(async (opened) => {
    app = opened.use(await startAuthApp());
  }),
);
beforeEach(() => app.sandbox.faults.reset());

/** Everything that was used as a token, to be searched for in the log at the end. */
const used = new Set<string>();
const bearer = (token: string): string => {
  used.add(token);
  return `Bearer ${token}`;
};
const seconds = () => Math.floor(Date.now() / 1000);
const oidc = () => app.sandbox.oidc;
const askBoth = (call: Call, authorization?: string) =>
  Promise.all(transports.map((transport) => ask(app.url, { transport, call, authorization })));
const expectBoth = async (call: Call, authorization: string | undefined, expected: object) => {
  for (const answer of await askBoth(call, authorization)) expect(answer).toMatchObject(expected);
};

describe('1: without bearer credentials', () => {
  test.each([
    undefined,
    'Basic dXNlcjpwYXNz',
    'Digest username="x"',
    'Negotiate abc',
    'DPoP abc',
    'Bearerx abc',
    'Token abc',
    'abc',
  ])('Authorization %j is 401 with a plain challenge', (authorization) =>
    expectBoth(resetVm, authorization, {
      status: 401,
      code: 'UNAUTHORIZED',
      challenge: challenges.none(app.url),
    }),
  );

  test.each(['bearer', 'BEARER', 'bEaReR'])('the scheme may be spelt %s', (scheme) =>
    expectBoth(readWhoami, bearer(app.tokens.read).replace('Bearer', scheme), { status: 200 }),
  );

  test('the metadata that the challenge points to names the issuer and the scopes', async () => {
    const [answer] = await askBoth(readWhoami);
    const [, url = ''] = /resource_metadata="([^"]+)"/.exec(answer?.challenge ?? '') ?? [];
    expect(await (await fetch(url)).json()).toMatchObject({
      resource: app.url,
      authorization_servers: [oidc().issuer],
      audience: oidc().audience,
      scopes_supported: ['read', 'wake', 'admin'],
      bearer_methods_supported: ['header'],
    });
  });
});

describe('2: refusals', () => {
  test('an expired, a foreign and a revoked token are invalid_token, and nothing of them is echoed', async () => {
    const revoked = await app.sandbox.tokens.admin({ format: 'opaque' });
    await app.sandbox.tokens.revoke(revoked);
    const tokens = [
      oidc().sign({ iat: seconds() - 60, exp: seconds() - 31 }),
      oidc().signForeign(),
      revoked,
      'garbage-of-some-length',
    ];
    for (const token of tokens)
      for (const answer of await askBoth(resetVm, bearer(token)))
        expectInvalidToken(answer, app.url, token);
  });

  test.each([
    ['read', readWhoami, { scope: 'openid' }],
    ['admin', resetVm, { scope: 'read' }],
  ] as const)(
    'a missing scope is insufficient_scope and named: %s',
    async (scope, call, claims) => {
      await expectBoth(call, bearer(oidc().sign(claims)), {
        status: 403,
        code: 'FORBIDDEN',
        challenge: expect.stringMatching(challenges.of(app.url, 'insufficient_scope', scope)),
      });
    },
  );

  test('the bodies are whole as well', async () => {
    await expectApiError(await app.post('/vm/reset', { token: 'none' }), 'UNAUTHORIZED');
    await expectApiError(await app.post('/vm/reset', { token: 'garbage' }), 'UNAUTHORIZED');
    await expectApiError(await app.post('/vm/reset', { token: 'read' }), 'FORBIDDEN');
  });
});

describe('3: malformed requests', () => {
  const invalidRequest = () => ({
    status: 400,
    code: 'BAD_REQUEST',
    challenge: expect.stringMatching(challenges.of(app.url, 'invalid_request')),
  });

  test.each(['Bearer', 'Bearer   ', 'bearer', 'Bearer a b', 'Bearer a\tb', 'Bearer a b c'])(
    '%j is 400',
    (authorization) => expectBoth(resetVm, authorization, invalidRequest()),
  );

  test.each(transports)(
    'two Authorization headers over %s are 400, even when both are valid',
    async (transport) => {
      for (const second of [bearer(app.tokens.admin), 'Basic eDp5', 'Bearer garbage']) {
        const answer = await sendRaw(transport, [bearer(app.tokens.admin), second]);
        expect(answer).toMatch(/^HTTP\/1\.1 400 /);
        expect(answer).toMatch(
          /\r\nwww-authenticate: Bearer realm="ondemand", error="invalid_request", /i,
        );
      }
    },
  );

  test.each(transports)(
    'what the raw connection sends over %s is otherwise let in',
    async (transport) => {
      expect(await sendRaw(transport, [bearer(app.tokens.admin)])).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  test('a token in the query or the body is no credential', async () => {
    const plain = { status: 401, challenge: challenges.none(app.url) };
    const token = app.tokens.admin;
    used.add(token);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const json = { 'content-type': 'application/json' };
    const answers = await Promise.all([
      app.get(`/whoami?access_token=${token}`, { token: 'none' }),
      app.get(`/trpc/whoami?access_token=${token}`, { token: 'none' }),
      app.post('/vm/reset', { token: 'none', headers: form, body: `access_token=${token}` }),
      app.post('/vm/reset', {
        token: 'none',
        headers: json,
        body: JSON.stringify({ access_token: token }),
      }),
      app.post('/trpc/vm.reset', {
        token: 'none',
        headers: json,
        body: JSON.stringify({ access_token: token }),
      }),
      app.get('/whoami', { token: 'none', headers: { cookie: `access_token=${token}` } }),
      app.get('/whoami', {
        token: 'none',
        headers: { 'x-access-token': token, 'proxy-authorization': `Bearer ${token}` },
      }),
    ]);
    for (const answer of answers) expect(await toAuthAnswer(answer)).toMatchObject(plain);
  });

  /** `fetch` would join or refuse what is sent here. */
  function sendRaw(transport: Transport, authorizations: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const { port } = new URL(app.url);
      const socket = connect(Number(port), '127.0.0.1');
      let answer = '';
      socket.setTimeout(60_000, () => socket.destroy(new Error('no answer')));
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.once('error', reject).once('close', () => resolve(answer));
      const lines = [
        `GET ${transport === 'REST' ? '/whoami' : '/trpc/whoami'} HTTP/1.1`,
        'host: 127.0.0.1',
        'connection: close',
        ...authorizations.map((value) => `authorization: ${value}`),
      ];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    });
  }
});

describe('4: authentication comes before validation and existence', () => {
  const strange = [
    ['GET', '/containers/no-such-container/status'],
    ['GET', '/containers/%20bad%20name/status'],
    ['GET', '/containers/nginx/logs?lines=-1'],
    ['GET', '/no/such/path'],
    ['DELETE', '/containers'],
    ['POST', '/trpc/no.such.procedure'],
    ['GET', '/trpc/containers.status?input=not-json'],
    ['GET', '/trpc/containers.status,vm.status?batch=1'],
    ['GET', '/%zz'],
    ['GET', '/containers/%zz/status'],
    ['PUT', '/vm/start'],
    ['GET', '/trpc'],
  ] as const;

  test.each(strange)('%s %s without a token is 401', async (method, path) => {
    const answer = await toAuthAnswer(await app.request(method, path, { token: 'none' }));
    expect(answer).toMatchObject({ status: 401, challenge: challenges.none(app.url) });
  });

  test.each(strange)('%s %s with a bad token is 401', async (method, path) => {
    const token = oidc().signForeign();
    expectInvalidToken(
      await toAuthAnswer(await app.request(method, path, { token })),
      app.url,
      token,
    );
  });

  test.each([
    ['POST', '/containers/no-such-container/start', undefined],
    ['POST', '/containers/%20bad%20name/start', undefined],
    ['POST', '/containers/nginx/start', '{not json'],
    ['POST', '/vm/start', 'x'.repeat(100_000)],
  ] as const)(
    '%s %s with a read token is 403, whatever else is wrong with it',
    async (method, path, body) => {
      const before = countReached(app);
      const answer = await app.request(method, path, {
        token: 'read',
        ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
      });
      expect(await toAuthAnswer(answer)).toMatchObject({ status: 403 });
      expect(countReached(app)).toEqual(before);
    },
  );
});

describe('5: tRPC', () => {
  test('a batch with one admin call and a read token does not run the admin call', async () => {
    app.sandbox.oci.clear();
    const response = await app.post('/trpc/vm.reset,vm.reset?batch=1', {
      token: 'read',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    const answer = await toAuthAnswer(response);
    expect(answer).toMatchObject({
      status: 403,
      challenge: expect.stringMatching(challenges.of(app.url, 'insufficient_scope', 'admin')),
    });
    expect(app.sandbox.oci.requests).toEqual([]);
  });

  test.each([
    ['GET', '/trpc/whoami,vm.reset?batch=1'],
    ['GET', '/trpc/vm.reset?batch=1'],
    ['GET', '/trpc/vm.reset'],
    ['POST', '/trpc/vm.status,vm.reset?batch=1'],
  ])('%s %s with a read token does not run the admin call either', async (method, path) => {
    app.sandbox.oci.clear();
    const { status } = await app.request(method, path, {
      token: 'read',
      ...(method === 'POST' && { headers: { 'content-type': 'application/json' }, body: '{}' }),
    });
    expect(status).toBeGreaterThanOrEqual(207);
    expect(app.sandbox.oci.count('InstanceAction')).toBe(0);
  });

  test('a batch without a token is refused whole', async () => {
    const response = await app.get('/trpc/whoami,whoami?batch=1', { token: 'none' });
    expect(await toAuthAnswer(response)).toMatchObject({
      status: 401,
      challenge: challenges.none(app.url),
    });
  });
});

describe('6: JWTs (the attack table has the rest)', () => {
  test.each([
    ['typ at+jwt', {}, { typ: 'at+jwt' }],
    ['typ application/at+jwt', {}, { typ: 'application/at+jwt' }],
    ['RS256', {}, { alg: 'RS256' }],
    ['ES256', {}, { alg: 'ES256' }],
    ['EdDSA', {}, { alg: 'EdDSA' }],
    ['one of several audiences', { aud: ['x', 'https://ondemand.example/api'] }, {}],
    ['25 s of skew behind', { exp: seconds() - 10 }, {}],
    ['25 s of skew ahead', { iat: seconds() + 20, nbf: seconds() + 20 }, {}],
  ])('%s is let in', async (_, claims, header) => {
    await expectBoth(readWhoami, bearer(oidc().sign(claims, header)), { status: 200 });
  });

  test('a person’s access token is let in; their ID token and refresh token are not', async () => {
    const { accessToken, idToken, refreshToken } = await signInPerson(oidc());
    await expectBoth(readWhoami, bearer(accessToken), {
      status: 200,
      text: expect.stringContaining('"sub":"sandbox-user"'),
    });
    for (const token of [idToken, refreshToken])
      for (const answer of await askBoth(readWhoami, bearer(token)))
        expectInvalidToken(answer, app.url, token);
  });
});

describe('8: opaque tokens', () => {
  const { introspection } = { introspection: '/token/introspection' };
  const introspections = () => oidc().count(introspection);
  const answerWith = (change: object) =>
    Object.assign(app.sandbox.faults.oidc, {
      only: ({ path }: { path: string }) => path === introspection,
      json: {
        active: true,
        scope: 'read admin',
        aud: oidc().audience,
        sub: 'x',
        client_id: 'x',
        exp: seconds() + 3600,
        token_type: 'Bearer',
        ...change,
      },
    });
  let serial = 0;
  const unknownToken = () => {
    serial += 1;
    return `an-opaque-token-nobody-has-seen-${serial}`;
  };

  test('they are let in with the scopes that introspection names', async () => {
    const { read, admin } = app.sandbox.tokens;
    const [reader, administrator] = [
      await read({ format: 'opaque' }),
      await admin({ format: 'opaque' }),
    ];
    await expectBoth(readWhoami, bearer(reader), {
      status: 200,
      text: expect.stringContaining('"scopes":["read"]'),
    });
    await expectBoth(resetVm, bearer(reader), { status: 403 });
    await expectBoth(readWhoami, bearer(administrator), {
      status: 200,
      text: expect.stringContaining('"scopes":["read","wake","admin"]'),
    });
  });

  test('many at once with one token make one call, a refused one too', async () => {
    const token = await app.sandbox.tokens.read({ format: 'opaque' });
    for (const [value, status] of [
      [token, 200],
      [unknownToken(), 401],
    ] as const) {
      const before = introspections();
      const answers = await Promise.all(
        Array.from({ length: 40 }, () =>
          ask(app.url, { transport: 'REST', call: readWhoami, authorization: bearer(value) }),
        ),
      );
      expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([status]));
      await expectBoth(readWhoami, bearer(value), { status });
      expect(introspections() - before).toBe(1);
    }
  });

  test('a JWT that failed is never introspected', async () => {
    const before = introspections();
    for (const token of [
      oidc().signForeign(),
      `${oidc().sign()}x`,
      `${oidc().sign()}.x`,
      'a.b.c',
      'eyJhbGciOiJub25lIn0.e30',
    ])
      await expectBoth(readWhoami, bearer(token), { status: 401 });
    expect(introspections() - before).toBe(0);
  });

  test('what the answer says is let in as it stands, as a control', async () => {
    answerWith({});
    await expectBoth(readWhoami, bearer(unknownToken()), { status: 200 });
  });

  test.each<[string, object]>([
    ['active "true"', { active: 'true' }],
    ['active 1', { active: 1 }],
    ['active missing', { active: undefined }],
    ['another audience', { aud: 'https://other.example' }],
    ['no audience', { aud: undefined }],
    ['exp past', { exp: seconds() - 31 }],
    ['no exp', { exp: undefined }],
    ['nbf ahead', { nbf: seconds() + 3600 }],
    ['token_type N_A', { token_type: 'N_A' }],
    ['a DPoP token', { token_type: 'DPoP' }],
    ['no client', { client_id: undefined }],
    ['another issuer', { iss: 'https://other.example' }],
  ])('%s is 401', async (_, change) => {
    answerWith(change);
    const token = unknownToken();
    for (const answer of await askBoth(readWhoami, bearer(token)))
      expectInvalidToken(answer, app.url, token);
  });

  test('a flood of garbage costs the issuer little, is answered correctly, and slows down no known caller', async () => {
    // A server of its own: afterwards it has no checks left for the other tests.
    await using server = await startServerHere({
      ...app.sandbox.env,
      RATE_LIMIT_PER_MINUTE: '1000000',
    });
    const whoami = (token: string) =>
      ask(server.url, { transport: 'REST', call: readWhoami, authorization: bearer(token) });
    const known = await app.sandbox.tokens.read({ format: 'opaque' });
    expect((await whoami(known)).status).toBe(200);
    const before = introspections();
    const started = performance.now();
    const answers = [];
    for (let batch = 0; batch < 10; batch += 1)
      answers.push(
        ...(await Promise.all(Array.from({ length: 40 }, () => whoami(unknownToken())))),
      );
    const elapsedSeconds = (performance.now() - started) / 1000;
    expect(introspections() - before).toBeLessThanOrEqual(101 + 2 * elapsedSeconds);
    const unchecked = answers.filter(({ status }) => status === 503);
    for (const { retryAfter } of unchecked) expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
    expect(unchecked.length).toBeGreaterThan(100);
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(400 - unchecked.length);
    for (const token of [known, app.tokens.read]) expect((await whoami(token)).status).toBe(200);
  });
});

describe('10: scopes', () => {
  test.each<[string, Record<string, unknown>, string[] | undefined]>([
    ['read', { scope: 'read' }, ['read']],
    ['wake', { scope: 'wake' }, ['wake']],
    ['read and wake, in any order', { scope: 'wake read' }, ['read', 'wake']],
    ['admin implies both', { scope: 'admin' }, ['read', 'wake', 'admin']],
    ['scp as a list', { scope: undefined, scp: ['read', 'admin'] }, ['read', 'wake', 'admin']],
    ['scp as text', { scope: undefined, scp: 'read' }, ['read']],
    ['both, and different', { scope: 'read admin', scp: ['read'] }, ['read']],
    ['both, and apart', { scope: 'read', scp: ['admin'] }, undefined],
    ['readonly', { scope: 'readonly' }, undefined],
    ['READ', { scope: 'READ' }, undefined],
    ['read,admin', { scope: 'read,admin' }, undefined],
    ['a list of one text', { scope: undefined, scp: ['read admin'] }, undefined],
    ['an object', { scope: { read: true } }, undefined],
    ['none', { scope: undefined }, undefined],
  ])('%s', async (_, claims, scopes) => {
    const authorization = bearer(oidc().sign(claims));
    if (scopes === undefined) await expectBoth(readWhoami, authorization, { status: 403 });
    else
      await expectBoth(readWhoami, authorization, {
        status: 200,
        text: expect.stringContaining(`"scopes":${JSON.stringify(scopes)}`),
      });
  });
});

describe('set up in another way', () => {
  test('8: without a client of its own, an opaque token is 401 and nobody is asked', async () => {
    await using server = await startServerHere({
      ...app.sandbox.env,
      OIDC_CLIENT_ID: undefined,
      OIDC_CLIENT_SECRET: undefined,
    });
    const token = await app.sandbox.tokens.admin({ format: 'opaque' });
    const before = oidc().count('/token/introspection');
    for (const transport of transports)
      expectInvalidToken(
        await ask(server.url, { transport, call: readWhoami, authorization: bearer(token) }),
        server.url,
        token,
      );
    expect(oidc().count('/token/introspection')).toBe(before);
  });

  test('11: metadata of another issuer is not believed, and JWKS and introspection of it are not asked', async () => {
    const opaque = await app.sandbox.tokens.read({ format: 'opaque' });
    Object.assign(app.sandbox.faults.oidc, {
      only: ({ path }: { path: string }) => path.includes('openid-configuration'),
      json: {
        issuer: `${oidc().issuer}/`,
        jwks_uri: `${oidc().issuer}/jwks`,
        introspection_endpoint: `${oidc().issuer}/token/introspection`,
      },
    });
    await using server = await startServerHere({ ...app.sandbox.env });
    const before = [oidc().count('/jwks'), oidc().count('/token/introspection')];
    for (const token of [app.tokens.read, opaque])
      expect(
        await ask(server.url, {
          transport: 'REST',
          call: readWhoami,
          authorization: bearer(token),
        }),
      ).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^[1-9]\d*$/) });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
    expect([oidc().count('/jwks'), oidc().count('/token/introspection')]).toEqual(before);
    app.sandbox.faults.reset();
    await until(
      'the right metadata to be found',
      async () => (await fetch(`${server.url}/readyz`)).ok,
    );
  });

  test('half of the introspection credentials is a start that fails and says so', async () => {
    const half = startServerHere({ ...app.sandbox.env, OIDC_CLIENT_SECRET: undefined });
    await expect(half).rejects.toThrow(/OIDC_CLIENT_ID: needs OIDC_CLIENT_SECRET/);
  });
});

describe('12: secrets', () => {
  afterAll(() => used.clear());

  test('no token, secret or key stands in the log of the suite', () => {
    const output = app.server.output();
    expect(output).toContain('request refused'); // at debug level, so that refusals are in it
    const secrets = [
      ...[...used].filter((token) => token.length > 12),
      ...Object.values(app.sandbox.oidc.clients).flatMap((client) =>
        'secret' in client ? [client.secret] : [],
      ),
    ];
    expect(secrets.length).toBeGreaterThan(50);
    expect(secrets.filter((secret) => output.includes(secret))).toEqual([]);
    expect(output).not.toMatch(jwtPattern);
    expect(output).not.toMatch(/PRIVATE KEY|Basic [\w+/=]{8,}/);
  });
});
