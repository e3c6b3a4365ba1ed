import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { serializeLogins } from '../login/login-file-format.ts';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';
import { toKnownHostsPath, writeHostEntry } from './ssh-config.ts';

test('ssh --config names no token, and quotes what has blanks in it', async () => {
  const terminal = runInTerminal(
    [
      'ssh',
      '--config',
      '--host',
      'vm',
      '-l',
      'opc',
      '-i',
      '/keys/my key',
      '--url',
      'https://h/a%b',
    ],
    { url: 'http://127.0.0.1:1', env: { XDG_CONFIG_HOME: '/a b' } },
  );
  expect(await terminal.exitCode).toBe(0);
  const lines = terminal.stdout().split('\n');
  expect(lines.slice(0, 4)).toEqual([
    '# Written by ondemand ssh --config',
    'Host vm',
    '  User opc',
    '  IdentityFile "/keys/my key"',
  ]);
  expect(lines[4]).toMatch(/^ {2}ProxyCommand .* ssh --proxy --url 'https:\/\/h\/a%%b'$/);
  expect(lines).toContain('  UserKnownHostsFile "/a b/ondemand/known_hosts/https_h_a_b"');
  expect(lines).toContain('  StrictHostKeyChecking yes');
  expect(lines).toContain('  HostKeyAlias oci-flex');
  expect(terminal.stdout()).not.toContain('secret-token');
  expect(terminal.stderr()).toContain('ONDEMAND_TOKEN does not go into the entry');
});

test('the context in use goes along, with its SSH user', async () => {
  await using folder = await makeTemporaryFolder();
  const url = 'https://ondemand.example.com';
  const login = {
    ...{ name: 'home', sshUser: 'diego', issuer: 'https://auth.example.com', clientId: 'cli' },
    ...{ scope: 'admin', accessToken: 'secret-token' },
  };
  await mkdir(join(folder.path, 'ondemand'));
  const stored = serializeLogins({ current: url, logins: { [url]: login } });
  await writeFile(join(folder.path, 'ondemand', 'logins.json'), stored, { mode: 0o600 });
  const terminal = runInTerminal(['ssh', '--config', '--no-wake'], {
    url: '',
    env: { XDG_CONFIG_HOME: folder.path, ONDEMAND_TOKEN: '' },
  });
  expect(await terminal.exitCode).toBe(0);
  expect(terminal.stderr()).toBe('');
  expect(terminal.stdout()).toMatch(
    /\n {2}User diego\n {2}ProxyCommand .* --context home --no-wake\n/,
  );
  expect(terminal.stdout()).not.toContain('secret-token');
});

test('each API has known hosts of its own', () => {
  const at = (url: string) => toKnownHostsPath({ XDG_CONFIG_HOME: '/c' }, url);
  expect(at('https://ondemand.example.com/')).toBe(
    '/c/ondemand/known_hosts/https_ondemand.example.com',
  );
  expect(at('http://127.0.0.1:5000')).toBe('/c/ondemand/known_hosts/http_127.0.0.1_5000');
});

test('a file of the user is never written over', async () => {
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'new', 'entry');
  const entry = '# Written by ondemand ssh --config\nHost oci-flex\n';
  expect(await writeHostEntry(path, entry)).toBe(path);
  expect(await writeHostEntry(path, `${entry}  User opc\n`)).toBe(path);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await writeFile(path, 'Host mine\n');
  await expect(writeHostEntry(path, entry)).rejects.toThrow('holds something else');
  expect(await readFile(path, 'utf8')).toBe('Host mine\n');
  await expect(writeHostEntry(folder.path, entry)).rejects.toThrow('cannot be written (EISDIR)');
});
