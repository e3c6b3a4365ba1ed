// ssh, exec, cp, port-forward and run as processes, with an API that answers as it is told and an ssh that tells what it was given.

import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expect, test } from 'vitest';
import { inspection, lease, toReady } from '../testing/fixtures.test-support.ts';
import { type BinResult, collect, exitOf, startBin } from '../testing/run-bin.test-support.ts';
import {
  refusal,
  type Script,
  type StubApi,
  startStubApi,
} from '../testing/stub-api.test-support.ts';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';
import { quote } from './quote.ts';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8';
const address = { host: '127.0.0.1', port: 2222, user: 'api', hostKeys: [key] };
const off = refusal('SERVICE_UNAVAILABLE', 'oci-flex is not running (STOPPED)', {
  lifecycleState: 'STOPPED',
});
const healthy: Readonly<Record<string, Script>> = {
  'vm.address': { data: address },
  'vm.takeLease': { data: lease },
  'vm.releaseLease': { data: lease },
  'vm.wake': { data: toReady('RUNNING', true) },
  'containers.inspect': { data: { ...inspection, state: 'running' } },
};

/** `told` of ssh: its arguments, a line each, then its known hosts. */
const ssh = `#!/bin/sh
printf '%s\\n' "$@" > "$TOLD"
for each; do case $each in UserKnownHostsFile=*) cat "\${each#*=}"; stat -c %a "\${each#*=}";; esac; done >> "$TOLD"
exit "\${SSH_EXIT:-0}"
`;

interface Stage extends AsyncDisposable {
  readonly api: StubApi;
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<BinResult>;
  start(args: readonly string[]): ReturnType<typeof startBin>;
  /** Undefined where ssh was not called. */
  told(): Promise<string | undefined>;
  calls(): readonly string[];
}

async function startStage(scripts: Readonly<Record<string, Script>> = {}): Promise<Stage> {
  const folder = await makeTemporaryFolder();
  const path = (name: string) => join(folder.path, name);
  await Promise.all([mkdir(path('bin')), mkdir(path('tmp'))]);
  await writeFile(path('bin/ssh'), ssh);
  await chmod(path('bin/ssh'), 0o755);
  const api = await startStubApi({ ...healthy, ...scripts });
  const env = {
    PATH: [path('bin'), '/usr/bin', '/bin'].join(delimiter),
    TMPDIR: path('tmp'),
    TOLD: path('told'),
  };
  const start = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    startBin(args, { url: api.url, env: { ...env, ...more } });
  return {
    api,
    start,
    async run(args, more) {
      const child = start(args, more);
      const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
      const exitCode = await exitOf(child);
      expect(await readdir(path('tmp'))).toEqual([]);
      return { exitCode, stdout: stdout(), stderr: stderr() };
    },
    told: () => readFile(path('told'), 'utf8').catch(() => undefined),
    calls: () =>
      api.calls.map(({ procedure }) => procedure).filter((name) => name !== 'vm.watchReady'),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test('a VM that is off is woken, kept on meanwhile, and ssh trusts its one key', async () => {
  await using stage = await startStage({ 'vm.address': [off, { data: address }] });
  const result = await stage.run(['ssh', '-l', 'opc', '--', 'exit 4'], { SSH_EXIT: '4' });
  expect(result).toMatchObject({ exitCode: 4, stdout: '' });
  expect(stage.calls()).toEqual([
    ...['vm.address', 'vm.wake', 'vm.address', 'vm.takeLease', 'vm.releaseLease'],
  ]);
  const told = await stage.told();
  expect(told).toContain(`oci-flex,[127.0.0.1]:2222 ${key}\n600\n`);
  expect(told).toContain('\n-l\nopc\n-p\n2222\n127.0.0.1\n--\nexit 4\n');
});

test('--no-wake leaves a VM that is off as it is', async () => {
  await using stage = await startStage({ 'vm.address': off, 'containers.inspect': off });
  for (const args of [
    ['ssh'],
    ['exec', 'web'],
    ['cp', 'web:/a', 'b'],
    ['port-forward', 'web', '0:1'],
  ]) {
    const result = await stage.run([...args, '--no-wake']);
    expect({ args, ...result }).toEqual({
      ...{ args, exitCode: 6, stdout: '' },
      stderr: 'ondemand: oci-flex is not running (STOPPED): start it with ondemand wake\n',
    });
  }
  expect(stage.calls()).not.toContain('vm.wake');
  expect(await stage.told()).toBeUndefined();
});

test.each(['HOST_KEY_CHANGED', 'AUTH_REJECTED', 'DOCKER_DOWN'])(
  '%s is told in the words of the API, at once',
  async (reason) => {
    const words = 'VM not reachable via SSH: only a person can change that.';
    await using stage = await startStage({
      'vm.address': refusal('SERVICE_UNAVAILABLE', words, { reason }),
    });
    const result = await stage.run(['exec', 'nginx', '--', 'true']);
    expect(result).toEqual({ exitCode: 6, stdout: '', stderr: `ondemand: ${words}\n` });
    expect(stage.calls()).not.toContain('vm.wake');
    expect(await stage.told()).toBeUndefined();
  },
);

test('without ssh nothing is woken', async () => {
  await using stage = await startStage();
  const result = await stage.run(['ssh'], { PATH: '/nonexistent' });
  expect(result).toMatchObject({ exitCode: 1, stdout: '' });
  expect(result.stderr).toMatch(/^ondemand: There is no ssh in PATH; .*\n$/);
  expect(stage.calls()).toEqual([]);
});

test('where host keys cannot be written, the folder is told', async () => {
  await using stage = await startStage();
  const ssh = await stage.run(['ssh'], { TMPDIR: '/nonexistent' });
  expect(ssh).toMatchObject({ exitCode: 1, stdout: '' });
  expect(ssh.stderr).toBe(
    'ondemand: /nonexistent cannot be written (ENOENT); set TMPDIR to a folder that can\n',
  );
  const proxy = await stage.run(['ssh', '--proxy'], { XDG_CONFIG_HOME: '/dev/null' });
  expect(proxy).toMatchObject({ exitCode: 1, stdout: '' });
  expect(proxy.stderr).toMatch(
    /^ondemand: \/dev\/null\/\S+ cannot be written \(\w+\); set HOME or .*\n$/,
  );
  expect(await stage.told()).toBeUndefined();
});

test('a lease that cannot be had is told once, and stops nothing', async () => {
  await using stage = await startStage({
    'vm.takeLease': refusal('CONFLICT', '100 leases hold on oci-flex already'),
  });
  const result = await stage.run(['exec', 'nginx', '--', 'true']);
  expect(result).toMatchObject({ exitCode: 0, stdout: '' });
  expect(result.stderr).toMatch(/^ondemand: No lease .*100 leases hold.*\n$/);
  expect(await stage.told()).toContain(`docker exec -i ${inspection.name} true\n`);
});

test('where ssh cannot connect, its 255 is passed on, with what the API knows of it', async () => {
  const moved = { ...address, hostKeys: ['ssh-rsa AAAA'] };
  await using stage = await startStage({ 'vm.address': [{ data: address }, { data: moved }] });
  const result = await stage.run(['exec', 'nginx'], { SSH_EXIT: '255' });
  expect(result).toMatchObject({ exitCode: 255, stdout: '' });
  expect(result.stderr).toContain('has another address or host key since this began');
  // What has no command of its own has the codes of ondemand.
  for (const args of [
    ['cp', 'nginx:/a', 'b'],
    ['port-forward', 'nginx', '0:80'],
  ]) {
    expect(await stage.run(args, { SSH_EXIT: '255' })).toMatchObject({ exitCode: 6, stdout: '' });
  }
});

test('a command that no system takes is refused, and its lease taken back', async () => {
  await using stage = await startStage();
  const long = 'x'.repeat(100_000);
  const result = await stage.run(['exec', 'nginx', '--', 'echo', long, long]);
  expect(result).toMatchObject({ exitCode: 2, stdout: '' });
  expect(result.stderr).toMatch(/^ondemand: The command is longer than this system takes.*\n$/);
  expect(stage.calls().at(-1)).toBe('vm.releaseLease');
});

test('run ends as its command does, and takes its lease back', async () => {
  await using stage = await startStage();
  const run = (...command: string[]) => stage.run(['run', '--', ...command]);
  expect(await run('sh', '-c', 'echo out; echo err >&2; exit 3')).toEqual({
    ...{ exitCode: 3, stdout: 'out\n', stderr: 'err\n' },
  });
  expect(stage.calls()).toEqual(['vm.takeLease', 'vm.releaseLease']);
  expect((await run('sh', '-c', 'kill -KILL $$')).exitCode).toBe(137);
  expect(await run('no-such-command')).toMatchObject({ exitCode: 127, stdout: '' });
  expect((await run('/etc/passwd')).exitCode).toBe(126);
  expect((await run('/etc')).exitCode).toBe(126);
  expect(stage.calls()).toHaveLength(4); // nothing is taken for what cannot be run
});

test('run passes signals on, and its command decides what they mean', async () => {
  await using stage = await startStage();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const script = `trap 'exit 9' ${signal.slice(3)}; echo up; while :; do sleep 0.05; done`;
    const child = stage.start(['run', '--', 'sh', '-c', script]);
    const stdout = collect(child.stdout);
    child.stderr.resume();
    const exit = exitOf(child);
    await expect.poll(stdout).toBe('up\n');
    child.kill(signal);
    expect([signal, await exit]).toEqual([signal, 9]);
  }
  expect(stage.calls().filter((name) => name === 'vm.releaseLease')).toHaveLength(3);
});

test('run does not begin without a lease, nor wake unless it is told to', async () => {
  await using stage = await startStage({ 'vm.takeLease': [off, { data: lease }] });
  const refused = await stage.run(['run', '--', 'echo', 'never']);
  expect(refused).toMatchObject({ exitCode: 6, stdout: '' });
  expect(refused.stderr).toContain('start it with ondemand wake');
  expect(await stage.run(['run', '--wake', '--', 'echo', 'once'])).toMatchObject({
    ...{ exitCode: 0, stdout: 'once\n' },
  });
  expect(stage.calls()).toEqual(['vm.takeLease', 'vm.wake', 'vm.takeLease', 'vm.releaseLease']);
});

const shells = ['sh', 'bash', 'zsh', 'fish', 'tcsh'].map((shell) => ({
  shell,
  why: spawnSync(shell, ['-c', 'true']).error && ` [skipped: ${shell} is not installed]`,
}));

for (const { shell, why = '' } of shells) {
  test.skipIf(why !== '')(`${shell} takes a quoted line as it was meant${why}`, () => {
    const odd = ['a b', "it's", '$HOME', '`id`', '*', '~', '=ls', '\\', '\\n', '!', '"', ''];
    const argv = [...odd, '-x', '✓', '#', '%1', ...(shell === 'tcsh' ? [] : ['line 1\nline 2'])];
    const line = quote(['printf', '[%s]', ...argv]);
    const { stdout } = spawnSync(shell, ['-c', line], { encoding: 'utf8' });
    expect(stdout).toBe(argv.map((each) => `[${each}]`).join(''));
  });
}
