import { expect, test } from 'vitest';
import { parseContextName } from './context-name.ts';
import {
  contextAt,
  currentContext,
  findContext,
  listContexts,
  putLogin,
  withLogin,
  without,
} from './contexts.ts';
import {
  isLoggedOut,
  type Login,
  noLogins,
  parseLogins,
  type StoredLogins,
  serializeLogins,
  toLoggedOut,
} from './login-file-format.ts';

const api = 'https://api.example.com';
const issued = (accessToken: string): Login => ({
  issuer: 'https://auth.example.com',
  clientId: 'ondemand-cli',
  scope: 'read',
  accessToken,
});
const put = (stored: StoredLogins, name: string | undefined, url: string, token: string) =>
  putLogin(stored, { name, url, login: issued(token) }).stored;
const two = put(put(noLogins, 'admin', api, 'a'), 'guest', api, 'g');

/** As a version before there were contexts reads the file and writes it: it keeps what it does not know of a login, and nothing else. */
function throughOldVersion(
  stored: StoredLogins,
  change: (old: StoredLogins) => StoredLogins,
): StoredLogins {
  const { current, logins } = change(JSON.parse(serializeLogins(stored)));
  return parseLogins(JSON.stringify({ version: 1, current, logins })) ?? noLogins;
}

test('two contexts at one API keep a login each, and the last one that logged in is current', () => {
  expect(listContexts(two)).toMatchObject([
    { name: 'admin', url: api, isCurrent: false, login: { accessToken: 'a' } },
    { name: 'guest', url: api, isCurrent: true, login: { accessToken: 'g' } },
  ]);
  expect(contextAt(two, `${api}/`)?.name).toBe('guest');
});

test('a login without a name goes to the context at its URL, else gets the name of the host', () => {
  expect(findContext(put(two, undefined, api, 'new'), 'guest').login.accessToken).toBe('new');
  expect(currentContext(put(two, undefined, 'http://h.example:81', 'h'))?.name).toBe(
    'h.example:81',
  );
});

test('a login under a name that is there replaces it, keeps its SSH name and gives the former login', () => {
  const named = withLogin(two, findContext(two, 'admin'), {
    ...issued('a'),
    name: 'admin',
    sshUser: 'opc',
  });
  const { stored, former } = putLogin(named, { name: 'admin', url: api, login: issued('a2') });
  expect(former?.accessToken).toBe('a');
  expect(currentContext(stored)).toMatchObject({
    name: 'admin',
    login: { accessToken: 'a2', sshUser: 'opc' },
  });
  const moved = put(stored, 'admin', 'http://other.example', 'o');
  expect(listContexts(moved).map(({ name, url }) => [name, url])).toEqual([
    ['guest', api],
    ['admin', 'http://other.example'],
  ]);
});

test('keys of renamed contexts are not taken twice', () => {
  const guest = findContext(two, 'guest');
  const renamed = withLogin(two, guest, { ...guest.login, name: 'old-guest' });
  const again = put(renamed, 'guest', api, 'g2');
  expect(listContexts(again).map(({ name, login }) => [name, login.accessToken])).toEqual([
    ['admin', 'a'],
    ['old-guest', 'g'],
    ['guest', 'g2'],
  ]);
});

test('removing the current context leaves none current, another one changes nothing', () => {
  expect(currentContext(without(two, findContext(two, 'guest')))).toBeUndefined();
  expect(currentContext(without(two, findContext(two, 'admin')))?.name).toBe('guest');
});

test('a name that is not there is a usage error with the nearest, or all', () => {
  expect(() => findContext(two, 'guets')).toThrow(
    "there is no context 'guets', did you mean 'guest'?; there are admin, guest",
  );
  expect(() => findContext(noLogins, 'x')).toThrow(/ondemand login --context NAME --url URL/);
  expect(() => findContext(two, 'constructor')).toThrow('there is no context');
});

test('an older version that renews a login, or logs in elsewhere, loses no context', () => {
  const renewed = throughOldVersion(two, ({ current, logins }) => ({
    current,
    logins: { ...logins, [api]: { ...logins[api], accessToken: 'a2' } as Login }, // as it spreads it
  }));
  expect(listContexts(renewed)).toMatchObject([
    { name: 'admin', login: { accessToken: 'a2' } },
    { name: 'guest', login: { accessToken: 'g' } },
  ]);
  expect(currentContext(renewed)?.url).toBe(api); // of two at one API it forgets which
  const elsewhere = throughOldVersion(two, ({ logins }) => ({
    current: 'http://h.example',
    logins: { ...logins, 'http://h.example': issued('h') },
  }));
  expect(listContexts(elsewhere).map(({ name, isCurrent }) => [name, isCurrent])).toEqual([
    ['admin', false],
    ['guest', false],
    ['h.example', true],
  ]);
});

test('a context that is logged out has no token, and looks to older versions like a login that has ended', () => {
  const login = toLoggedOut({
    ...issued('a'),
    refreshToken: 'r',
    secretFile: '/s',
    sshUser: 'opc',
  });
  expect(isLoggedOut(login)).toBe(true);
  expect(JSON.stringify(login)).not.toMatch(/"a"|"r"|secret/);
  expect(Date.parse(login.expiresAt ?? '')).toBeLessThan(Date.now());
  expect(login.sshUser).toBe('opc');
});

test.each(['home', 'Büro', '2', 'a_b.c-d:5000@x+y', 'x'.repeat(64), '家'])(
  '%s names a context',
  (name) => {
    expect(parseContextName(name)).toBe(name);
  },
);

test.each([
  '',
  ' ',
  '-x',
  '.',
  '..',
  'a/b',
  'a b',
  'a\nb',
  'a\u0007',
  'a\u202eb',
  'x'.repeat(65),
  '$(x)',
  '*',
  "'",
])('%j names none', (name) => {
  expect(() => parseContextName(name)).toThrow('needs a name of at most 64 letters');
});

test('a name is the same however its letters are composed', () => {
  expect(parseContextName('Bu\u0308ro')).toBe('Büro');
  expect(findContext(put(noLogins, 'Büro', api, 'a'), 'Bu\u0308ro').name).toBe('Büro');
});
