import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
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

test('FORCE_COLOR colours a pipe, NO_COLOR wins over it', async () => {
  await using api = await startStubApi(healthy);
  const { stdout } = await runBin(['ps'], { ...api, env: { FORCE_COLOR: '1' } });
  expect(stdout).toContain('\u001b[32mUp 3 hours (healthy)');
  const plain = await runBin(['ps'], { ...api, env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
  expect(plain.stdout).toBe(table);
});
