import { stripVTControlCharacters } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runInTerminal } from './testing/fake-terminal.test-support.ts';
import { fakeTimeouts } from './testing/fake-timeouts.test-support.ts';
import { backup, die, healthy, lines, nginx } from './testing/fixtures.test-support.ts';
import { hanging, startStubApi } from './testing/stub-api.test-support.ts';
import { openStream } from './testing/stub-stream.test-support.ts';

const question = 'Stop oci-flex, with all containers on it? [y/N] ';

test.each(['y', 'yes', ' YES '])('vm stop goes on when it is answered %j', async (answer) => {
  await using api = await startStubApi(healthy);
  const run = runInTerminal(['vm', 'stop'], api);
  await expect.poll(run.stderr).toContain(question);
  expect(api.calls).toEqual([]);
  run.stdin.write(`${answer}\n`);
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toBe('STOP initiated on oci-flex\n');
});

test.each(['', 'n', 'no', 'yess', 'stop'])(
  'vm stop does nothing when it is answered %j',
  async (answer) => {
    await using api = await startStubApi(healthy);
    const run = runInTerminal(['vm', 'stop'], api);
    await expect.poll(run.stderr).toContain(question);
    run.stdin.write(`${answer}\n`);
    expect(await run.exitCode).toBe(1);
    expect(stripVTControlCharacters(run.stderr())).toContain(
      'ondemand: Not confirmed; nothing was done\n',
    );
    expect(api.calls).toEqual([]);
  },
);

test.each([
  { key: 'Ctrl-C', bytes: '\u0003', exitCode: 130 },
  { key: 'Ctrl-D', bytes: '\u0004', exitCode: 1 },
])('$key at the question exits with $exitCode and does nothing', async ({ bytes, exitCode }) => {
  await using api = await startStubApi(healthy);
  const run = runInTerminal(['vm', 'reset'], api);
  await expect.poll(run.stderr).toContain('[y/N]');
  run.stdin.write(bytes);
  expect(await run.exitCode).toBe(exitCode);
  expect(run.stderr()).toContain('nothing was done\n');
  expect(api.calls).toEqual([]);
});

test('an interrupt from outside ends the question', async () => {
  await using api = await startStubApi(healthy);
  const interrupt = new AbortController();
  const run = runInTerminal(['vm', 'reboot'], { ...api, signal: interrupt.signal });
  await expect.poll(run.stderr).toContain('[y/N]');
  interrupt.abort();
  expect(await run.exitCode).toBe(130);
});

test('--yes asks nothing', async () => {
  await using api = await startStubApi(healthy);
  const run = runInTerminal(['vm', 'stop', '--yes'], api);
  expect(await run.exitCode).toBe(0);
  expect(run.stderr()).toBe('');
});

test('a missing token is said before anything is asked', async () => {
  await using api = await startStubApi(healthy);
  const run = runInTerminal(['vm', 'stop'], { ...api, env: { ONDEMAND_TOKEN: '' } });
  expect(await run.exitCode).toBe(3);
  expect(run.stderr()).not.toContain('[y/N]');
});

test('a terminal gets colours and indented JSON', async () => {
  await using api = await startStubApi(healthy);
  const table = runInTerminal(['ps'], api);
  expect(await table.exitCode).toBe(0);
  expect(table.stdout()).toContain('\u001b[32mUp 3 hours (healthy)\u001b[39m');
  const json = runInTerminal(['ps', '--json'], api);
  await json.exitCode;
  expect(json.stdout()).toBe(`${JSON.stringify([backup, nginx], null, 2)}\n`);
});

test('a terminal is told when nothing had to change', async () => {
  await using api = await startStubApi({
    'containers.start': {
      data: { container: 'nginx', action: 'start', status: 'success', changed: false },
    },
  });
  const run = runInTerminal(['start', 'nginx'], { ...api, env: { NO_COLOR: '1' } });
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toBe('nginx (already running)\n');
});

test('a spinner shows on stderr while something waits, and its line is cleared before the end', async () => {
  await using api = await startStubApi({ ...healthy, 'containers.list': hanging });
  const interrupt = new AbortController();
  const run = runInTerminal(['ps'], { ...api, signal: interrupt.signal });
  await expect.poll(run.stderr).toContain('Listing containers');
  interrupt.abort();
  expect(await run.exitCode).toBe(130);
  expect(run.stdout()).toBe('');
  const last = run.stderr().split('\r\u001b[2K').at(-1) ?? '';
  expect(stripVTControlCharacters(last)).toBe('ondemand: Interrupted\n');
});

test("a result never stands on the spinner's line", async () => {
  let answer = (): void => {};
  const after = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await using api = await startStubApi({ 'containers.list': { data: [nginx], after } });
  const run = runInTerminal(['ps'], { ...api, env: { NO_COLOR: '1' } });
  await expect.poll(run.screen).toContain('Listing containers');
  answer();
  expect(await run.exitCode).toBe(0);
  expect(run.screen().split('\n')[0]).toMatch(/Listing containers\r\S\[2KNAME +IMAGE/);
});

test('a name from the API cannot move the cursor', async () => {
  const evil = { ...nginx, image: 'x\u001b[2Jy', uptime: 'Up\nfake line' };
  await using api = await startStubApi({ 'containers.list': { data: [evil] } });
  const run = runInTerminal(['ps'], { ...api, env: { NO_COLOR: '1' } });
  await run.exitCode;
  expect(run.stdout()).not.toContain('\u001b');
  expect(run.stdout().split('\n')).toHaveLength(3);
});

test('a stream whose connection is lost says so until it goes on', async () => {
  const stderr = await followOverTwoLosses({});
  expect(stderr).toContain('Trying again: ');
  expect(stderr.endsWith('\r\u001b[2K\n')).toBe(true);
});

test('where TERM is dumb nothing is painted over, and a lost connection is told in a line', async () => {
  const stderr = await followOverTwoLosses({ TERM: 'dumb' });
  expect(stderr).toMatch(/^ondemand: Trying again: .*\n\n$/);
});

/** Interrupted after the second line; gives stderr. The connection comes back once its loss has been told. */
async function followOverTwoLosses(env: Readonly<Record<string, string>>): Promise<string> {
  const clock = fakeTimeouts();
  const random = vi.spyOn(Math, 'random').mockReturnValue(0); // the pauses are 500 and 1000 ms
  onTestFinished(() => random.mockRestore());
  let shown = (): string => '';
  const interrupt = new AbortController();
  const cut = async function* () {
    yield { line: 'one', stream: 'stdout' };
    await clock.until(() => shown() === 'one\n');
    throw new Error('cut');
  };
  let answer = (): void => {};
  const after = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await using api = await startStubApi({
    'containers.followLogs': [
      { stream: cut() },
      { status: 502, after },
      { stream: openStream({ line: 'two', stream: 'stdout' }) },
    ],
  });
  const run = runInTerminal(['logs', 'nginx', '-f'], { ...api, env, signal: interrupt.signal });
  shown = run.stdout;
  await clock.untilDueIn(500);
  await clock.pass(3_000);
  await clock.until(() => run.stderr().includes('Trying again: '));
  answer();
  await clock.untilDueIn(1_000);
  await clock.pass(1_000);
  await clock.until(() => run.stdout() === 'one\ntwo\n');
  interrupt.abort();
  expect(await run.exitCode).toBe(130);
  return run.stderr();
}

test.each([['logs', 'nginx', '-f'], ['events']])(
  'after Ctrl-C in ondemand %s the prompt begins a line of its own',
  async (...argv) => {
    const interrupt = new AbortController();
    await using api = await startStubApi({
      'containers.followLogs': { stream: openStream(lines[0]) },
      events: { stream: openStream(die) },
    });
    const run = runInTerminal(argv, { ...api, signal: interrupt.signal });
    await expect.poll(run.stdout).not.toBe('');
    interrupt.abort();
    expect(await run.exitCode).toBe(130);
    expect(run.stderr().endsWith('\n')).toBe(true);
    expect(stripVTControlCharacters(run.stderr())).not.toContain('Interrupted');
  },
);
