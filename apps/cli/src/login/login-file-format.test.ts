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
  name: 'api.example.com',
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
  { current: undefined, logins: { [key]: full, 'http://127.0.0.1:5000': { ...login, name: 'x' } } },
  { current: key, currentKey: `${key}#b`, logins: { [`${key}#b`]: { ...full, sshUser: 'opc' } } },
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
    { name: 'a/b' },
    { name: 1 },
    { sshUser: 1 },
  ].map((change) =>
    serializeLogins({ current: undefined, logins: { [key]: { ...full, ...change } as Login } }),
  ), // wrong on purpose
])('%s is not read', (text) => {
  expect(parseLogins(text)).toBeUndefined();
});

test('logins that were stored before there were contexts get names of their hosts, each its own', () => {
  const { name: _, ...old } = login;
  const urls = [
    'https://api.example.com',
    'https://api.example.com/b',
    'http://[::1]:5000',
    'http://127.0.0.1:5000',
    'https://münchen.example',
  ];
  const logins = Object.fromEntries(urls.map((url) => [url, old]));
  const stored = parseLogins(serializeLogins({ current: urls[1], logins }));
  expect(Object.values(stored?.logins ?? {}).map(({ name }) => name)).toEqual([
    'api.example.com',
    'api.example.com-2',
    '1:5000',
    '127.0.0.1:5000',
    'xn--mnchen-3ya.example',
  ]);
  expect(stored?.current).toBe(urls[1]);
});

test('a name that two have, which no ondemand writes, stays with the first', () => {
  const logins = { [key]: login, 'http://b.example': login };
  const stored = parseLogins(serializeLogins({ current: undefined, logins }));
  expect(stored?.logins['http://b.example']?.name).toBe('b.example');
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
