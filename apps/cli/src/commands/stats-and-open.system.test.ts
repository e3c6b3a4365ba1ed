import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { backup, nginx, sample } from '../testing/fixtures.test-support.ts';
import { runBin } from '../testing/run-bin.test-support.ts';
import { refusal, type Script, startStubApi } from '../testing/stub-api.test-support.ts';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';

const perName: Script = (input) => {
  const { name } = input as { name: string }; // as the client sends it
  return name === 'gone'
    ? refusal('NOT_FOUND', "No container named 'gone'", { name })
    : { data: { ...sample, container: name } };
};

test('stats shows what docker stats shows', async () => {
  const idle = {
    ...sample,
    container: 'idle',
    cpuPercent: 0,
    memoryBytes: 0,
    memoryLimitBytes: 0,
    pids: 0,
  };
  await using api = await startStubApi({ 'containers.stats': [{ data: sample }, { data: idle }] });
  expect(await runBin(['stats', 'nginx', 'idle'], api)).toEqual({
    exitCode: 0,
    stderr: '',
    stdout: `NAME    CPU %     MEM USAGE / LIMIT       MEM %    NET I/O             BLOCK I/O           PIDS
nginx   1.23%     10.01MiB / 1GiB         0.98%    1.23MB / 890B       0B / 4.1kB          3
idle    0.00%     0B / 0B                 0.00%    1.23MB / 890B       0B / 4.1kB          0
`,
  });
});

test('stats without a name asks for those that run, and forgets one that went away meanwhile', async () => {
  const running = ['a', 'gone', 'b'].map((name) => ({ ...nginx, name }));
  await using api = await startStubApi({
    'containers.list': { data: [...running, { ...nginx, name: 'held', state: 'paused' }, backup] },
    'containers.stats': perName,
  });
  const { stdout, exitCode } = await runBin(['stats', '--json'], api);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toEqual(
    ['a', 'b', 'held'].map((container) => ({ ...sample, container })),
  );
});

test('a name that is not there is a failure', async () => {
  await using api = await startStubApi({ 'containers.stats': perName });
  expect(await runBin(['stats', 'a', 'gone'], api)).toEqual({
    exitCode: 4,
    stdout: '',
    stderr: "ondemand: No container named 'gone'; ondemand ps lists the names there are\n",
  });
});

test('stats asks for at most 32 at once', async () => {
  await using api = await startStubApi({
    'containers.list': {
      data: Array.from({ length: 50 }, (_, index) => ({ ...nginx, name: `c${index}` })),
    },
    'containers.stats': () => ({ data: sample, after: sleep(30).then(() => count()) }),
  });
  let most = 0;
  const count = () => {
    most = Math.max(most, api.underWay());
  };
  const { stdout } = await runBin(['stats'], api);
  expect(stdout.split('\n')).toHaveLength(52);
  expect(most).toBeLessThanOrEqual(32);
  expect(most).toBeGreaterThan(1);
});

test('open starts what the desktop opens URLs with, and tells where it is not installed', async () => {
  await using api = await startStubApi({
    'containers.status': { data: nginx },
    'vm.address': { data: { host: '127.0.0.1', port: 22, user: 'opc', hostKeys: [] } },
  });
  await using folder = await makeTemporaryFolder();
  const opened = join(folder.path, 'opened');
  const xdgOpen = join(folder.path, 'xdg-open');
  await writeFile(xdgOpen, `#!/bin/sh\necho "$1" > ${opened}.part; mv ${opened}.part ${opened}\n`);
  await chmod(xdgOpen, 0o755);
  const desktop = { DISPLAY: ':0', PATH: `${folder.path}:${process.env.PATH}` };
  const run = await runBin(['open', 'nginx'], { ...api, env: desktop });
  expect(run).toEqual({ exitCode: 0, stdout: 'http://127.0.0.1:8080/\n', stderr: '' });
  await expect.poll(() => readFile(opened, 'utf8').catch(() => '')).toBe(run.stdout);
  const missing = await runBin(['open', 'nginx'], {
    ...api,
    env: { ...desktop, PATH: '/nowhere' },
  });
  expect(missing).toMatchObject({ exitCode: 0, stdout: run.stdout });
  expect(missing.stderr).toContain('xdg-open could not be started (ENOENT)');
});
