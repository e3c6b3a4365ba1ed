// What a login asks the issuer for, as the API, the issuer and the user say it.

import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Context } from '../command-context.ts';
import { granted, startStubIssuer } from '../testing/stub-issuer.test-support.ts';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';
import { logIn } from './log-in.ts';

/** A machine that logs in at an API which describes itself so, with `--issuer`. */
async function logInAt(
  describe: (issuer: string) => object | undefined,
  metadata: Readonly<Record<string, unknown>> = {},
) {
  await using issuer = await startStubIssuer({ token: [granted], metadata });
  const described = describe(issuer.issuer);
  const api = createServer((_request, response) => {
    response.writeHead(described === undefined ? 404 : 200).end(JSON.stringify(described ?? {}));
  });
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`; // it listens on TCP
  await using folder = await makeTemporaryFolder();
  const secretFile = join(folder.path, 'secret');
  await writeFile(secretFile, 'secret');
  const spinner = { update: () => {}, [Symbol.dispose]: () => {} };
  const context = {
    signal: new AbortController().signal,
    output: { spin: () => spinner },
    logins: { change: async () => {} },
  } as unknown as Context; // all that a machine's login uses of it
  const asked = { url, issuer: issuer.issuer, clientId: 'cli', scope: undefined };
  try {
    await logIn({ ...asked, secretFile, audience: undefined }, context);
  } finally {
    await new Promise((resolve) => api.close(resolve));
  }
  const [{ scope, audience, resource } = {}] = issuer.forms('/token');
  return { url, sent: { scope, audience, resource } };
}

const audience = 'https://ondemand.example/api';

test('where the user names the issuer, the audience and the scopes are what the API says, if it names the same', async () => {
  const { sent } = await logInAt((issuer) => ({
    authorization_servers: [issuer],
    scopes_supported: ['containers'],
    audience,
  }));
  expect(sent).toEqual({ scope: 'containers', audience, resource: audience });
});

test.each([
  ['names another', { authorization_servers: ['https://other.example'], audience }],
  ['does not say it', undefined],
])('an API that %s is not heard, and its address is a guess', async (_, described) => {
  const { url, sent } = await logInAt(() => described);
  expect(sent).toEqual({ scope: 'read admin', audience: url, resource: undefined });
});

test('a guess goes by both names where the discovery document knows RFC 8707', async () => {
  const { url, sent } = await logInAt(() => undefined, { resource_indicators_supported: true });
  expect(sent).toEqual({ scope: 'read admin', audience: url, resource: url });
});
