// The attack table over the whole product: each forged token is refused on both transports, and nothing comes of it.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { jwtPattern } from '../support/expect-api-error.ts';
import type { App } from '../support/start-sandbox-and-api.ts';
import { attacks } from './attack-table.ts';
import type { PublicKey, Target } from './attacks/forgery.ts';
import {
  ask,
  countReached,
  expectInvalidToken,
  readWhoami,
  resetVm,
  startAuthApp,
  transports,
} from './auth-world.ts';

let app: App;
let target: Target;
let atStart: ReturnType<typeof countReached>;
const attackerSaw: string[] = [];

beforeAll(() =>
  openSuite(async (opened) => {
    const attacker = createServer((request, response) => {
      attackerSaw.push(request.url ?? '');
      response.end('{"keys":[]}');
    });
    await new Promise<void>((resolve) => attacker.listen(0, '127.0.0.1', resolve));
    opened.add(async () => {
      attacker.closeAllConnections();
      attacker.close();
    });
    app = opened.use(await startAuthApp());
    const { port } = attacker.address() as AddressInfo; // it listens on TCP
    target = {
      oidc: app.sandbox.oidc,
      keys: await fetchKeys(),
      attackerUrl: `http://127.0.0.1:${port}`,
    };
    atStart = countReached(app);
  }),
);

async function fetchKeys(): Promise<Target['keys']> {
  const { issuer, paths } = app.sandbox.oidc;
  const answer = (await (await fetch(`${issuer}${paths.jwks}`)).json()) as {
    keys: { kid: string; alg: string }[];
  };
  const find = (alg: string): PublicKey => {
    const jwk = answer.keys.find((key) => key.alg === alg);
    if (jwk === undefined) throw new Error(`the issuer has no key for ${alg}`);
    return { kid: jwk.kid, jwk };
  };
  return { RS256: find('RS256'), ES256: find('ES256'), EdDSA: find('EdDSA') };
}

test('the table has at least 150 variants, each with a name of its own', () => {
  expect(attacks.length).toBeGreaterThanOrEqual(150);
  expect(new Set(attacks.map(([name]) => name)).size).toBe(attacks.length);
});

test.each(['RS256', 'ES256', 'EdDSA'])(
  'what they are bent from, a token signed with %s, is let in',
  async (alg) => {
    for (const transport of transports)
      expect(
        await ask(app.url, {
          transport,
          call: readWhoami,
          authorization: `Bearer ${app.sandbox.oidc.sign({}, { alg })}`,
        }),
      ).toMatchObject({ status: 200, challenge: null });
  },
);

describe.each(transports)('over %s', (transport) => {
  test.each(attacks)('%s', async (_, forge) => {
    const token = forge(target);
    const answer = await ask(app.url, {
      transport,
      call: resetVm,
      authorization: `Bearer ${token}`,
    });
    expectInvalidToken(answer, app.url, token);
  });
});

test('a thousand unknown key ids make at most one fetch of the keys, and one more each twenty seconds', async () => {
  const { oidc } = app.sandbox;
  const before = oidc.count(oidc.paths.jwks);
  const startedMs = performance.now();
  for (let batch = 0; batch < 20; batch += 1)
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        // The cheapest to sign: their key is unknown, however they are signed.
        const token = oidc.sign({}, { alg: 'ES256', kid: `unknown-${batch}-${index}` });
        const { status } = await ask(app.url, {
          transport: 'REST',
          call: resetVm,
          authorization: `Bearer ${token}`,
        });
        expect(status).toBe(401);
      }),
    );
  const earned = Math.floor((performance.now() - startedMs) / 20_000);
  expect(oidc.count(oidc.paths.jwks) - before).toBeLessThanOrEqual(1 + earned);
});

test('nobody asked the attacker anything', () => {
  expect(attackerSaw).toEqual([]);
});

test('nothing reached OCI, SSH or Docker, and the VM is as it was', () => {
  expect(countReached(app)).toEqual(atStart);
  expect(app.sandbox.world.instance.lifecycleState).toBe('RUNNING');
});

test('no token in the form of a JWT was taken to introspection', () => {
  const { oidc } = app.sandbox;
  expect(oidc.count(oidc.paths.introspection)).toBeLessThan(50); // the opaque ones of the table, over both transports
});

test('the keys were fetched a handful of times, however many tokens came', () => {
  const { oidc } = app.sandbox;
  expect(oidc.count(oidc.paths.jwks)).toBeLessThan(8);
});

afterAll(() => {
  // The log is at debug level: every refusal stands in it, and no token may.
  const output = app.server.output();
  expect(output).not.toMatch(jwtPattern);
  expect(output).not.toMatch(/Bearer ey|PRIVATE KEY/);
});
