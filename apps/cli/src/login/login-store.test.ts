import { userInfo } from 'node:os';
import { expect, test } from 'vitest';
import { CliError } from '../cli-error.ts';
import { createLoginStore, toConfigFolder } from './login-store.ts';

test.each([
  [{ XDG_CONFIG_HOME: '/xdg', HOME: '/home/me' }, '/xdg/ondemand'],
  [{ XDG_CONFIG_HOME: 'relative', HOME: '/home/me' }, '/home/me/.config/ondemand'],
  [{ XDG_CONFIG_HOME: '', HOME: '/home/me' }, '/home/me/.config/ondemand'],
  [{ HOME: '/home/me' }, '/home/me/.config/ondemand'],
  [{}, `${userInfo().homedir}/.config/ondemand`],
  [{ HOME: '' }, `${userInfo().homedir}/.config/ondemand`],
  [{ HOME: 'relative', XDG_CONFIG_HOME: '.' }, `${userInfo().homedir}/.config/ondemand`],
])('%j keeps logins in %s', (env, folder) => {
  expect(toConfigFolder(env)).toBe(folder);
});

test.each([
  () => {
    throw new Error('ENOENT: no such user');
  },
  () => ({ homedir: '' }),
])(
  'without a home there is no folder, which is told when the logins are used',
  async (readUser) => {
    const store = createLoginStore({
      folder: () => toConfigFolder({ HOME: '', XDG_CONFIG_HOME: 'config' }, readUser),
      warn: () => {},
    });
    const { signal } = new AbortController();
    for (const used of [store.read(), store.change(signal, async () => {})]) {
      await expect(used).rejects.toThrow(CliError);
      await expect(used).rejects.toThrow('as this user has no home; set HOME to an absolute path');
    }
  },
);
