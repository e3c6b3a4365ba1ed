import { expect, test } from 'vitest';
import {
  type Login,
  parseLogins,
  serializeLogins,
  toApiKey,
  toMsLeft,
  toRenewal,
} from './login-file-format.ts';

const login: Login = {
  issuer: 'https://auth.example.com',
  clientId: 'ondemand-cli',
  scope: 'read admin',
  accessToken: 'access',
};
const full: Login = {
  ...login,
  audience: { value: 'https://api.example.com', isGuess: true },
  secretFile: '/secret',
  expiresAt: '2026-02-08T10:00:00.000Z',
  refreshToken: 'refresh',
};
const key = 'https://api.example.com';

test.each([
  { current: undefined, logins: {} },
  { current: key, logins: { [key]: login } },
  { current: undefined, logins: { [key]: full, 'http://127.0.0.1:5000': login } },
])('what was written is read back', (stored) => {
  expect(parseLogins(serializeLogins(stored))).toEqual(stored);
});

test.each([
  '',
  'null',
  '[]',
  '{}',
  '{"version":2,"logins":{}}',
  '{"version":1,"logins":[]}',
  '{"version":1,"logins":{},"current":"nonsense"}',
  '{"version":1,"logins":{"nonsense":{}}}',
  ...[
    { accessToken: 1 },
    { issuer: 'nonsense' },
    { issuer: undefined },
    { clientId: undefined },
    { scope: null },
    { expiresAt: 'soon' },
    { refreshToken: 1 },
    { secretFile: {} },
    { audience: 'text' },
  ].map((change) =>
    serializeLogins({ current: undefined, logins: { [key]: { ...full, ...change } as Login } }),
  ), // wrong on purpose
])('%s is not read', (text) => {
  expect(parseLogins(text)).toBeUndefined();
});

test.each([
  ['https://API.example.com:443/', 'https://api.example.com'],
  ['https://api.example.com/ondemand//', 'https://api.example.com/ondemand'],
  ['http://127.1:5000', 'http://127.0.0.1:5000'],
])('%s is kept as %s', (url, expected) => {
  expect(toApiKey(url)).toBe(expected);
});

test.each([
  [{}, 'none'],
  [{ refreshToken: 'x' }, 'refresh'],
  [{ secretFile: '/s' }, 'secret'],
  [{ secretFile: '-' }, 'none'],
  [{ secretFile: '/s', refreshToken: 'x' }, 'secret'],
])('a login with %j is renewed by %s', (parts, renewal) => {
  expect(toRenewal({ ...login, ...parts })).toBe(renewal);
});

test('a token without an end has all the time there is', () => {
  expect(toMsLeft(login, Date.now())).toBe(Number.POSITIVE_INFINITY);
  expect(toMsLeft(full, Date.parse('2026-02-08T09:59:30.000Z'))).toBe(30_000);
});
