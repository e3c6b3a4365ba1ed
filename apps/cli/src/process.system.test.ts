import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { healthy, log, table } from './testing/fixtures.test-support.ts';
import {
  binPath,
  collect,
  exitOf,
  runBin,
  startBin,
  token,
} from './testing/run-bin.test-support.ts';
import { startStubApi } from './testing/stub-api.test-support.ts';
import { makeTemporaryFolder } from './testing/temporary-folder.test-support.ts';

test('a reader that leaves early, as head does, is no failure', async () => {
  await using api = await startStubApi({
    'containers.logs': { data: { ...log, logs: 'line\n'.repeat(200_000) } },
  });
  const child = startBin(['logs', 'nginx'], api);
  const exit = exitOf(child);
  const stderr = collect(child.stderr);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  expect(await exit).toBe(0);
  expect(stderr()).toBe('');
});

test('output that cannot be written is a failure', async () => {
  await using api = await startStubApi(healthy);
  const unwritable = openSync(binPath, 'r');
  const child = spawn(process.execPath, [binPath, 'ps'], {
    stdio: ['ignore', unwritable, 'pipe'],
    env: { ONDEMAND_URL: api.url, ONDEMAND_TOKEN: token },
  });
  closeSync(unwritable);
  const stderr = collect(child.stderr);
  expect(await exitOf(child)).toBe(1);
  expect(stderr()).toBe('ondemand: The output could not be written (EBADF); look at its target\n');
});

test('a wrong command line is one line and exits with 2', async () => {
  expect(await runBin(['pss'])).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: "ondemand: unknown command 'pss', did you mean 'ps'?; see ondemand --help\n",
  });
});

test.each([
  [['--version'], 'ondemand 1.0.0\n'],
  [['version'], 'ondemand 1.0.0\n'],
  [['version', '--json'], '{"version":"1.0.0"}\n'],
])('%j prints the version of the package', async (args, stdout) => {
  expect(await runBin(args)).toEqual({ exitCode: 0, stdout, stderr: '' });
});

test('a user without a home needs none where URL and token are given, and is told so else', async () => {
  await using api = await startStubApi(healthy);
  await using folder = await makeTemporaryFolder();
  const hook = join(folder.path, 'hook.cjs');
  await writeFile(
    hook,
    `for (const name of ['homedir', 'userInfo'])
      require('node:os')[name] = () => { throw new Error(name + ' returned ENOENT'); };`,
  );
  const homeless = { NODE_OPTIONS: `--require ${hook}`, XDG_CONFIG_HOME: '' };
  expect(await runBin(['version'], { env: homeless })).toMatchObject({ exitCode: 0, stderr: '' });
  const withToken = await runBin(['ps'], { ...api, env: homeless });
  expect(withToken).toEqual({ exitCode: 0, stdout: table, stderr: '' });
  for (const args of [
    ['ps'],
    ['context', 'ls'],
    ['login', '--url', api.url],
    ['ssh', '--config'],
  ]) {
    const { exitCode, stderr } = await runBin(args, { env: homeless });
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('; set HOME to an absolute')]);
  }
  const doctor = await runBin(['doctor', '--json'], { env: homeless });
  expect(JSON.parse(doctor.stdout).checks[0]).toMatchObject({
    name: 'config-file',
    status: 'failed',
  });
  const doctorWithToken = await runBin(['doctor', '--json'], { ...api, env: homeless });
  expect(JSON.parse(doctorWithToken.stdout).checks.slice(0, 2)).toMatchObject([
    { name: 'config-file', status: 'skipped' },
    { name: 'url', status: 'ok' },
  ]);
});

test('FORCE_COLOR colours a pipe, NO_COLOR wins over it', async () => {
  await using api = await startStubApi(healthy);
  const { stdout } = await runBin(['ps'], { ...api, env: { FORCE_COLOR: '1' } });
  expect(stdout).toContain('\u001b[32mUp 3 hours (healthy)');
  const plain = await runBin(['ps'], { ...api, env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
  expect(plain.stdout).toBe(table);
});
