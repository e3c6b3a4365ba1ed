import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { backup, die, healthy, nginx, sample, table } from '../testing/fixtures.test-support.ts';
import { refusal, startStubApi } from '../testing/stub-api.test-support.ts';
import { createTerminalModel } from '../testing/terminal-model.test-support.ts';
import { countLists, lost, startWatchedApi } from '../testing/watch.test-support.ts';

const stopped = { ...nginx, state: 'exited', uptime: 'Exited (137) 1 second ago' };

test('ps --watch shows the list again after an event, in its old place', async () => {
  const clock = fakeTimeouts();
  const watched = await startWatchedApi({ data: [backup, stopped] });
  await using api = watched.api;
  const interrupt = new AbortController();
  const run = runInTerminal(['ps', '--watch'], {
    ...api,
    env: { NO_COLOR: '1' },
    signal: interrupt.signal,
  });
  await clock.untilDueIn(500);
  await clock.pass(500);
  await clock.until(watched.settled);
  expect(createTerminalModel(run.stdout()).join('\n')).toBe(table);
  watched.events.push(die);
  await clock.untilDueIn(500);
  await clock.pass(500);
  await clock.until(() => run.stdout().includes('Exited (137)'));
  const lines = createTerminalModel(run.stdout());
  expect(lines).toHaveLength(4);
  expect(lines[2]).toContain('nginx:1.29-alpine      Exited (137) 1 second ago');
  interrupt.abort();
  expect(await run.exitCode).toBe(130);
  // At most the spinner, where the first list took its time.
  expect(
    stripVTControlCharacters(run.stderr())
      .replace(/\S Listing containers/g, '')
      .trim(),
  ).toBe('');
  await clock.until(() => api.underWay() === 0);
});

test('a terminal of another size, and one that a stopped watch comes back to, gets all of it again', async () => {
  const clock = fakeTimeouts();
  const watched = await startWatchedApi();
  await using api = watched.api;
  const listening = () => process.listenerCount('SIGCONT');
  const before = listening();
  const interrupt = new AbortController();
  const run = runInTerminal(['ps', '--watch'], {
    ...api,
    env: { NO_COLOR: '1' },
    signal: interrupt.signal,
  });
  await clock.untilDueIn(500);
  await clock.pass(500);
  await clock.until(watched.settled);
  const screen = () => createTerminalModel(run.stdout()).join('\n');
  run.resize(20);
  const narrow = table.split('\n').map((line) => line.slice(0, 20));
  await clock.until(() => screen() === narrow.join('\n'));
  run.resize(80);
  await clock.until(() => screen() === table);
  process.emit('SIGCONT', 'SIGCONT');
  await clock.until(() => screen() === `${table}${table}`);
  expect(countLists(api)).toBe(2);
  expect(listening()).toBe(before + 1);
  interrupt.abort();
  await run.exitCode;
  expect(listening()).toBe(before);
});

test('however many events there are, the list is read at most twice a second', async () => {
  const clock = fakeTimeouts();
  const watched = await startWatchedApi();
  await using api = watched.api;
  const interrupt = new AbortController();
  const run = runInTerminal(['ps', '--watch'], { ...api, signal: interrupt.signal });
  await clock.untilDueIn(500);
  await clock.pass(500);
  await clock.until(watched.settled);
  for (const lists of [3, 4]) {
    for (let count = 0; count < 20; count += 1) watched.events.push(die);
    await clock.untilDueIn(500);
    await clock.pass(499);
    expect(countLists(api)).toBe(lists - 1);
    await clock.pass(1);
    await clock.until(() => countLists(api) === lists);
  }
  interrupt.abort();
  await run.exitCode;
});

test('an API that is lost is shown under what was known, and asked again', async () => {
  const clock = fakeTimeouts();
  const watched = await startWatchedApi(lost, { data: [backup, stopped] });
  await using api = watched.api;
  const interrupt = new AbortController();
  const run = runInTerminal(['ps', '--watch'], {
    ...api,
    env: { NO_COLOR: '1' },
    signal: interrupt.signal,
  });
  await clock.untilDueIn(500);
  await clock.pass(500);
  await clock.until(watched.settled);
  watched.events.push(die);
  await clock.untilDueIn(500);
  await clock.pass(500);
  await clock.until(() => run.stdout().includes('Trying again'));
  expect(
    createTerminalModel(run.stdout())
      .join('\n')
      .replace(/\d\d:\d\d:\d\d/, 'TIME'),
  ).toBe(`${table}\nTrying again: SSH does not answer; what is shown is of TIME\n`);
  await clock.untilDueIn(2_000);
  await clock.pass(2_000);
  await clock.until(() => run.stdout().includes('Exited (137)'));
  expect(createTerminalModel(run.stdout())).toHaveLength(4);
  interrupt.abort();
  expect(await run.exitCode).toBe(130);
});

test('what does not pass ends the watch', async () => {
  const clock = fakeTimeouts();
  const watched = await startWatchedApi(refusal('UNAUTHORIZED', 'The token has expired'));
  await using api = watched.api;
  const run = runInTerminal(['ps', '--watch'], api);
  await clock.untilDueIn(500);
  await clock.pass(500);
  await clock.until(watched.settled);
  watched.events.push(die);
  await clock.untilDueIn(500);
  await clock.pass(500);
  expect(await run.exitCode).toBe(3);
  await clock.until(() => api.underWay() === 0);
});

test('a VM that is off at the beginning is said, and not watched', async () => {
  await using api = await startStubApi({ ...healthy, 'containers.list': lost });
  const run = runInTerminal(['ps', '--watch'], api);
  expect(await run.exitCode).toBe(6);
});

test('stats --watch measures again and again', async () => {
  const clock = fakeTimeouts();
  let cpuPercent = 0;
  await using api = await startStubApi({
    'containers.stats': () => {
      cpuPercent += 1;
      return { data: { ...sample, cpuPercent } };
    },
  });
  const interrupt = new AbortController();
  const run = runInTerminal(['stats', 'nginx', '-w'], { ...api, signal: interrupt.signal });
  for (let pauses = 0; pauses < 2; pauses += 1) {
    await clock.untilDueIn(1_000);
    await clock.pass(1_000);
  }
  await clock.until(() => run.stdout().includes('3.00%'));
  expect(createTerminalModel(run.stdout())).toHaveLength(3);
  interrupt.abort();
  expect(await run.exitCode).toBe(130);
});
