import { expect, test } from 'vitest';
import { findOpener } from '../open/open-browser.ts';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { nginx, stoppedVm, vm } from '../testing/fixtures.test-support.ts';
import { refusal, type Script, startStubApi } from '../testing/stub-api.test-support.ts';

const address = { data: { host: 'vm.example', port: 22, user: 'opc', hostKeys: [] } };
const forbidden = refusal('FORBIDDEN', 'The scope admin is missing');

async function open(args: string, scripts: Readonly<Record<string, Script>>) {
  await using api = await startStubApi({
    'containers.status': { data: nginx },
    'vm.address': address,
    'vm.status': { data: vm },
    ...scripts,
  });
  const run = runInTerminal(`open nginx ${args}`.trim().split(' '), {
    ...api,
    env: { NO_COLOR: '1' },
  });
  const exitCode = await run.exitCode;
  return { exitCode, stdout: run.stdout(), stderr: run.stderr() };
}
const publishing = (ports: string) => ({ 'containers.status': { data: { ...nginx, ports } } });

test.each<[string, Readonly<Record<string, Script>>, string]>([
  ['', {}, 'http://vm.example:8080/\n'],
  ['--host 10.0.0.7', {}, 'http://10.0.0.7:8080/\n'],
  ['--host [fd00::7]', {}, 'http://[fd00::7]:8080/\n'],
  ['', { 'vm.address': forbidden }, 'http://203.0.113.10:8080/\n'],
  [
    '',
    publishing('0.0.0.0:81->3000/tcp, 0.0.0.0:82->443/tcp'),
    'https://vm.example:82/\nhttp://vm.example:81/\n',
  ],
  [
    '--port 3000',
    publishing('0.0.0.0:81->3000/tcp, 0.0.0.0:82->443/tcp'),
    'http://vm.example:81/\n',
  ],
  [
    '--port 82',
    publishing('0.0.0.0:81->3000/tcp, 0.0.0.0:82->443/tcp'),
    'https://vm.example:82/\n',
  ],
])('open nginx %s prints where it is', async (args, scripts, stdout) => {
  expect(await open(args, scripts)).toMatchObject({ exitCode: 0, stdout });
});

test.each<[string, Readonly<Record<string, Script>>, number, string]>([
  ['', publishing('80/tcp'), 4, 'nginx publishes no TCP port'],
  ['', publishing('127.0.0.1:80->80/tcp'), 4, 'loopback of the VM alone.*port-forward nginx 80'],
  ['--port 9', {}, 2, 'does not publish 9; it publishes 80'],
  ['--host a/b', {}, 2, "--host needs a host name or an IP address, not 'a/b'"],
  ['', { 'vm.address': forbidden, 'vm.status': { data: stoppedVm } }, 3, 'say it with --host'],
  [
    '',
    { 'containers.status': { data: { ...nginx, state: 'exited', ports: '' } } },
    5,
    'nginx is exited, so it publishes nothing; start it with ondemand start nginx',
  ],
])('open nginx %s that cannot be reached says why', async (args, scripts, exitCode, message) => {
  const result = await open(args, scripts);
  expect(result).toMatchObject({ exitCode, stdout: '' });
  expect(result.stderr).toMatch(new RegExp(message));
});

test('--json has every URL with its ports', async () => {
  const { stdout } = await open('--json', {});
  expect(JSON.parse(stdout)).toEqual({
    container: 'nginx',
    urls: [{ url: 'http://vm.example:8080/', hostPort: 8080, containerPort: 80 }],
  });
});

test.each([
  [{}, 'linux', undefined],
  [{ DISPLAY: ':0' }, 'linux', 'xdg-open'],
  [{ WAYLAND_DISPLAY: 'wayland-0' }, 'linux', 'xdg-open'],
  [{}, 'darwin', 'open'],
  [{ SSH_CONNECTION: 'x' }, 'darwin', undefined],
] as const)('with %j on %s the browser is opened by %s', (env, platform, opener) => {
  expect(findOpener(env, platform)).toBe(opener);
});
