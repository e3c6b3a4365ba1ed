import { once } from 'node:events';
import { expect, test } from 'vitest';
import { die, healthy, job, lines, stopping, time } from '../testing/fixtures.test-support.ts';
import { collect, exitOf, runBin, startBin } from '../testing/run-bin.test-support.ts';
import { runHere } from '../testing/run-here.test-support.ts';
import { hanging, refusal, startStubApi } from '../testing/stub-api.test-support.ts';
import { openStream } from '../testing/stub-stream.test-support.ts';

const timed = lines.map((line) => ({ ...line, time: '2026-02-08T10:15:30.123456789Z' }));

test.each([
  { args: 'nginx --since 10m', input: { since: '10m', follow: false } },
  { args: 'nginx -n all', input: { tail: 'all', follow: false } },
  { args: 'nginx -f', input: {} },
  { args: 'nginx -f -n 0', input: { tail: 0 } },
  { args: 'nginx -f --tail=all', input: { tail: 'all' } },
  { args: 'nginx -fn all --since 1h', input: { tail: 'all', since: '1h' } },
])('ondemand logs $args prints lines unaltered as they come', async ({ args, input }) => {
  await using api = await startStubApi(healthy);
  expect(await runHere(['logs', ...args.split(' ')], api)).toEqual({
    exitCode: 0,
    stdout: 'one\n\u001b[31mtwo\u001b[0m\n',
    stderr: '',
  });
  expect(api.calls).toMatchObject([{ procedure: 'containers.followLogs', method: 'GET' }]);
  expect(api.calls[0]?.input).toEqual({ name: 'nginx', ...input });
});

test('logs -t begins each line with its time', async () => {
  await using api = await startStubApi({ 'containers.followLogs': { stream: timed } });
  const { stdout } = await runHere(['logs', 'nginx', '-t', '-n', '2'], api);
  expect(stdout.split('\n')[0]).toBe('2026-02-08T10:15:30.123456789Z one');
  expect(api.calls[0]?.input).toEqual({
    name: 'nginx',
    tail: 2,
    timestamps: true,
    follow: false,
  });
});

test.each([
  { args: 'logs nginx -f', items: lines },
  { args: 'events', items: [stopping, die] },
  { args: `jobs ${job.id} -f`, items: [{ text: 'Step 1/2\n' }, { text: 'Step\t2/2\nDone\n' }] },
])("ondemand $args --json prints the API's own JSON, one document a line", async (each) => {
  await using api = await startStubApi(healthy);
  expect(await runHere([...each.args.split(' '), '--json'], api)).toEqual({
    exitCode: 0,
    stdout: each.items.map((item) => `${JSON.stringify(item)}\n`).join(''),
    stderr: '',
  });
});

test.each(['0', '10001'])('logs -n %s is a usage error without -f', async (count) => {
  await using api = await startStubApi(healthy);
  const result = await runHere(['logs', 'nginx', '-n', count], api);
  expect(result).toMatchObject({ exitCode: 2, stdout: '' });
  expect(result.stderr).toMatch(
    /^ondemand: -n needs a whole number from 1 to 10000, or all, .*\n$/,
  );
  expect(api.calls).toEqual([]);
});

test('events prints a line for each, made harmless', async () => {
  const resync = { type: 'resync', time, reason: 'The connection\nwas \u001b[2Jlost' };
  const ended = { type: 'job', time, id: job.id, kind: 'rebuild', target: 'app', state: 'failed' };
  const sick = { ...die, action: 'health_status', exitCode: undefined, health: 'unhealthy' };
  const started = { ...die, action: 'start', exitCode: undefined };
  const idle = {
    type: 'idle',
    time,
    stage: 'announced',
    stopsAt: time,
    because: 'idle',
    dryRun: true,
  };
  const unknown = { type: 'weather', time, sky: 'clear' };
  await using api = await startStubApi({
    events: { stream: [stopping, die, started, sick, ended, resync, idle, unknown] },
  });
  const { stdout, stderr } = await runBin(['events'], api);
  expect(stderr).toBe('');
  const at = '2026-02-08T10:15:30+00:00'; // `runBin` is in UTC
  expect(stdout.split('\n')).toEqual([
    `${at}   vm          STOPPING (was RUNNING)`,
    `${at}   container   nginx die (exit code 137)`,
    `${at}   container   nginx start`,
    `${at}   container   nginx health_status (unhealthy)`,
    `${at}   job         rebuild app failed (${job.id})`,
    `${at}   resync      The connection was \\x1b[2Jlost`,
    `${at}   idle        announced: the VM stops at 2026-02-08 10:15:30 (idle), a dry run`,
    `${at}   weather     ${JSON.stringify(unknown)}`,
    '',
  ]);
});

test('events --type leaves out the other types, but never a resync', async () => {
  const resync = { type: 'resync', time, reason: 'x' };
  await using api = await startStubApi({ events: { stream: [stopping, die, resync] } });
  const { stdout } = await runHere(['events', '--type', 'vm,job'], api);
  expect(stdout.split('\n').map((line) => line.split(/ +/)[1])).toEqual([
    'vm',
    'resync',
    undefined,
  ]);
});

test('events --type knows the idle stop, and leaves it out where it is not asked for', async () => {
  const idle = { type: 'idle', time, stage: 'announced', stopsAt: time, because: 'idle' };
  const typesWith = async (type: string) => {
    await using api = await startStubApi({ events: { stream: [stopping, die, idle] } });
    const { stdout } = await runHere(['events', '--json', '--type', type], api);
    return [...stdout.matchAll(/"type":"(\w+)"/g)].map(([, shown]) => shown);
  };
  expect(await typesWith('idle')).toEqual(['idle']);
  expect(await typesWith('vm, idle')).toEqual(['vm', 'idle']);
  expect(await typesWith('vm')).toEqual(['vm']);
});

const following = [
  { args: ['logs', 'nginx', '-f'], procedure: 'containers.followLogs', first: lines[0] },
  { args: ['events', '--json'], procedure: 'events', first: die },
  { args: ['jobs', job.id, '-f'], procedure: 'jobs.output', first: { text: 'Step 1\n' } },
];

test.each(following)('Ctrl-C ends ondemand $args with 130 and without a word', async (each) => {
  await using api = await startStubApi({ [each.procedure]: { stream: openStream(each.first) } });
  const child = startBin(each.args, api);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const exit = exitOf(child);
  await expect.poll(stdout).not.toBe('');
  child.kill('SIGINT');
  expect(await exit).toBe(130);
  expect(stderr()).toBe('');
  await expect.poll(api.underWay).toBe(0);
});

test.each(following)('a reader of ondemand $args that leaves ends it with 0', async (each) => {
  const stream = openStream<object>(each.first);
  await using api = await startStubApi({ [each.procedure]: { stream } });
  const child = startBin(each.args, api);
  const stderr = collect(child.stderr);
  const exit = exitOf(child);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  stream.push(each.first);
  expect(await exit).toBe(0);
  expect(stderr()).toBe('');
});

test('Ctrl-C before the stream is open ends it too', async () => {
  await using api = await startStubApi({ 'containers.followLogs': hanging });
  const child = startBin(['logs', 'nginx', '-f'], api);
  const exit = exitOf(child);
  await expect.poll(() => api.calls.length).toBe(1);
  child.kill('SIGINT');
  expect(await exit).toBe(130);
});

test('Ctrl-C ends it soon although nobody reads what was printed', async () => {
  const flood = function* () {
    for (;;) yield { line: 'x'.repeat(10_000), stream: 'stdout' };
  };
  await using api = await startStubApi({ 'containers.followLogs': { stream: flood() } });
  const child = startBin(['logs', 'nginx', '-f'], api);
  const exit = exitOf(child);
  await once(child.stdout, 'readable');
  child.kill('SIGINT');
  expect(await exit.finally(() => child.stdout.resume())).toBe(130);
});

test('what is not read is not asked for', async () => {
  const lineCount = 6_000;
  let given = 0;
  const flood = function* () {
    for (; given < lineCount; given += 1) yield { line: 'x'.repeat(10_000), stream: 'stdout' };
  };
  await using api = await startStubApi({ 'containers.followLogs': { stream: flood() } });
  const child = startBin(['logs', 'nginx', '-f'], api);
  const exit = exitOf(child);
  await once(child.stdout, 'readable');
  let before = -1;
  await expect
    .poll(
      () => {
        const isStill = given === before;
        before = given;
        return isStill;
      },
      { interval: 500 },
    )
    .toBe(true);
  expect(given).toBeLessThan(5_000);
  let bytes = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  expect(await exit).toBe(0);
  expect(bytes).toBe(lineCount * 10_001);
});

test('a stream that fails in the middle says why, after what came before', async () => {
  await using api = await startStubApi({
    'containers.followLogs': {
      ...refusal('SERVICE_UNAVAILABLE', 'oci-flex is not running (STOPPED)', {
        lifecycleState: 'STOPPED',
      }),
      stream: lines.slice(0, 1),
    },
  });
  expect(await runHere(['logs', 'nginx', '-f'], api)).toEqual({
    exitCode: 6,
    stdout: 'one\n',
    stderr: 'ondemand: oci-flex is not running (STOPPED): start it with ondemand wake\n',
  });
});

test('a container that is not there is one line and exits with 4', async () => {
  await using api = await startStubApi({
    'containers.followLogs': refusal('NOT_FOUND', "No container named 'x'", { name: 'x' }),
  });
  expect(await runHere(['logs', 'x', '-f'], api)).toEqual({
    exitCode: 4,
    stdout: '',
    stderr: "ondemand: No container named 'x'; ondemand ps lists the names there are\n",
  });
});
