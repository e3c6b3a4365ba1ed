import { homedir } from 'node:os';
import { expect, test } from 'vitest';
import { toConfigFolder } from './login-store.ts';

test.each([
  [{ XDG_CONFIG_HOME: '/xdg', HOME: '/home/me' }, '/xdg/ondemand'],
  [{ XDG_CONFIG_HOME: 'relative', HOME: '/home/me' }, '/home/me/.config/ondemand'],
  [{ XDG_CONFIG_HOME: '', HOME: '/home/me' }, '/home/me/.config/ondemand'],
  [{ HOME: '/home/me' }, '/home/me/.config/ondemand'],
  [{}, `${homedir()}/.config/ondemand`],
])('%j keeps logins in %s', (env, folder) => {
  expect(toConfigFolder(env)).toBe(folder);
});
