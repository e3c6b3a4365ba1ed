import { expect, test } from 'vitest';
import { keepCollectingGarbage } from '../testing/collect-garbage.test-support.ts';
import { startSilentServer } from '../testing/silent-server.test-support.ts';
import { startStubIssuer } from '../testing/stub-issuer.test-support.ts';
import { askApiForIssuer, discover, toApiIssuer } from './find-issuer.ts';

const metadata = {
  resource: 'https://api.example.com',
  authorization_servers: ['https://auth.example.com', 'https://other.example.com'],
  scopes_supported: ['read', 'admin'],
};
const { signal } = new AbortController();

test.each(['https://api.example.com', 'https://api.example.com/', 'https://API.example.com:443'])(
  'the API at %s names its issuer and its scopes',
  (url) => {
    const expected = { issuer: 'https://auth.example.com', scopes: ['read', 'admin'] };
    expect(toApiIssuer(metadata, url)).toMatchObject(expected);
  },
);

test('the audience is what the API says it is, else its own address where it confirms that', () => {
  const told = { ...metadata, audience: 'ondemand' };
  expect(toApiIssuer(told, metadata.resource).audience).toEqual({
    value: 'ondemand',
    isGuess: false,
  });
  expect(toApiIssuer(metadata, metadata.resource).audience).toEqual({
    value: metadata.resource,
    isGuess: true,
    isResource: true,
  });
  expect(toApiIssuer(metadata, 'http://127.0.0.1:5000').audience).toBeUndefined();
});

test('an issuer with the metadata of RFC 8414 alone is found, with its path inserted', async () => {
  await using issuer = await startStubIssuer({
    token: [],
    path: '/api/auth',
    documents: ['/.well-known/oauth-authorization-server/api/auth'],
  });
  const server = await discover(issuer.issuer, signal);
  expect(server.token_endpoint).toBe(`${issuer.issuer}/token`);
});

test.each([
  ['has no document', { documents: [] }, 'neither /.well-known/openid-configuration nor'],
  [
    'has another name',
    { metadata: { issuer: 'https://auth.example.com/' } },
    'it says https://auth.example.com/;',
  ],
])('an issuer that %s is not unavailable', async (_what, script, message) => {
  await using issuer = await startStubIssuer({ token: [], ...script });
  await expect(discover(issuer.issuer, signal)).rejects.toMatchObject({
    exitCode: 1,
    message: expect.stringContaining(message),
  });
});

test.each([401, 403])(
  'a discovery document that is kept from us with %i is a refusal',
  async (status) => {
    const discovery = { status, text: '<h1>Forbidden</h1>' };
    await using issuer = await startStubIssuer({ token: [], discovery });
    await expect(discover(issuer.issuer, signal)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringContaining(`refused (HTTP ${status}) when asked for its discovery`),
    });
  },
);

test.each([
  'https://evil.example.com',
  'https://api.example.com/v2',
  'https://api.example.com:8443',
])('the API at %s cannot speak for another one', (url) => {
  expect(() => toApiIssuer(metadata, url)).toThrow('goes by another address');
});

test.each(['http://localhost:5000', 'http://127.0.0.1:5000', 'http://[::1]:5000'])(
  'on this machine any address will do: %s',
  (url) => {
    expect(toApiIssuer(metadata, url).issuer).toBe('https://auth.example.com');
  },
);

test.each([
  {},
  { authorization_servers: [] },
  { authorization_servers: 'https://auth.example.com' },
  { authorization_servers: ['nonsense'] },
  { authorization_servers: [1] },
])('%j names no issuer', (change) => {
  const url = 'https://api.example.com';
  expect(() => toApiIssuer({ resource: url, ...change }, url)).toThrow('names no issuer');
});

test('scopes that make no sense are none', () => {
  const url = metadata.resource;
  expect(toApiIssuer({ ...metadata, scopes_supported: [1] }, url).scopes).toBeUndefined();
  expect(toApiIssuer({ ...metadata, scopes_supported: [] }, url).scopes).toBeUndefined();
});

test.each([
  'http://api.example.com',
  'http://127.0.0.1.example.com',
  'http://localhost.example.com',
])('an API in clear text on another machine, %s, is not asked', async (url) => {
  await expect(askApiForIssuer(url, signal)).rejects.toThrow('is not on https');
});

test.each(['http://auth.example.com', 'http://128.0.0.1', 'http://[::2]'])(
  'an issuer in clear text on another machine, %s, is not asked',
  async (issuer) => {
    await expect(discover(issuer, signal)).rejects.toThrow('is not on https');
  },
);

test.each([false, true])(
  'an API that does not answer is given up, garbage collected or not; answer begun: %s',
  async (begins) => {
    await using api = await startSilentServer({ begins });
    using _collecting = keepCollectingGarbage();
    await expect(askApiForIssuer(api.url, signal, 200)).rejects.toMatchObject({
      exitCode: 6,
      message: expect.stringContaining('could not be asked for its issuer'),
    });
  },
);
