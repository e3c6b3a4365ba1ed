// Watches whose output is no terminal: a process with pipes.

import { once } from 'node:events';
import { expect, test } from 'vitest';
import { backup, die, nginx, sample } from '../testing/fixtures.test-support.ts';
import { collect, exitOf, startBin } from '../testing/run-bin.test-support.ts';
import { startStubApi } from '../testing/stub-api.test-support.ts';
import { countLists, lost, startWatchedApi } from '../testing/watch.test-support.ts';

test('on a pipe a table follows another when something has changed, and warnings go to stderr', async () => {
  const watched = await startWatchedApi(lost, { data: [backup, nginx] }, { data: [nginx] });
  await using api = watched.api;
  const child = startBin(['ps', '-q', '--watch'], api);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const exit = exitOf(child);
  await expect.poll(watched.settled).toBe(true);
  watched.events.push(die);
  await expect.poll(() => countLists(api)).toBe(4);
  watched.events.push(die);
  await expect.poll(stdout).toBe('backup\nnginx\n\nnginx\n');
  child.kill('SIGINT');
  expect(await exit).toBe(130);
  expect(stderr()).toMatch(
    /^ondemand: Trying again: SSH does not answer; what is shown is of \d\d:\d\d:\d\d\n$/,
  );
});

test('ps --watch --json prints a line each time something has changed', async () => {
  const watched = await startWatchedApi({ data: [nginx] });
  await using api = watched.api;
  const child = startBin(['ps', '--watch', '--json'], api);
  const stdout = collect(child.stdout);
  const exit = exitOf(child);
  await expect.poll(watched.settled).toBe(true);
  watched.events.push(die);
  const expected = [[backup, nginx], [nginx]].map((list) => `${JSON.stringify(list)}\n`).join('');
  await expect.poll(stdout).toBe(expected);
  child.kill('SIGINT');
  expect(await exit).toBe(130);
});

test('a reader of a watch that leaves ends it with 0', async () => {
  let cpuPercent = 0;
  await using api = await startStubApi({
    'containers.stats': () => {
      cpuPercent += 1;
      return { data: { ...sample, cpuPercent } };
    },
  });
  const child = startBin(['stats', 'nginx', '--watch', '--json'], api);
  const stderr = collect(child.stderr);
  const exit = exitOf(child);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  expect(await exit).toBe(0);
  expect(stderr()).toBe('');
});
