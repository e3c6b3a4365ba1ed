// Waking: the stages on stderr, what is waited for, what ends the wait, and what comes after it.

import { expect, test } from 'vitest';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import {
  acted,
  begun,
  healthy,
  job,
  jobOutput,
  toReady,
} from '../testing/fixtures.test-support.ts';
import { startSilentServer } from '../testing/silent-server.test-support.ts';
import {
  foreign,
  hanging,
  refusal,
  type Script,
  startStubApi,
} from '../testing/stub-api.test-support.ts';
import { openStream } from '../testing/stub-stream.test-support.ts';

const noColours = { NO_COLOR: '1' };
const ready = { data: toReady('RUNNING', true) };
const outOfCapacity = refusal('SERVICE_UNAVAILABLE', 'OCI is out of capacity', {
  reason: 'OUT_OF_CAPACITY',
  retryAfterSeconds: 300,
});

const shuttingDown = refusal('SERVICE_UNAVAILABLE', 'This API shuts down; wake it again', {
  reason: 'SHUTTING_DOWN',
});

test('wake shows each stage as it comes, and says that the VM is ready', async () => {
  let wake = (): void => {};
  const after = new Promise<void>((resolve) => {
    wake = resolve;
  });
  const stream = openStream(toReady('STOPPED'), toReady('STARTING'), toReady('RUNNING'));
  await using api = await startStubApi({
    'vm.wake': { ...ready, after },
    'vm.watchReady': { stream },
  });
  const run = runInTerminal(['wake'], { ...api, env: noColours });
  await expect.poll(() => run.stderr()).toMatch(/\d+s {3}RUNNING {3}\(after/);
  wake();
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toMatch(/^oci-flex is ready after \d+s\n$/);
  for (const stage of ['STOPPED', 'STARTING', 'RUNNING', 'RUNNING, SSH and Docker answer'])
    expect(run.stderr()).toContain(`s   ${stage}`);
});

test('--json gives what the API answers, and nothing else on stdout', async () => {
  await using api = await startStubApi(healthy);
  const run = runInTerminal(['wake', '--json'], { ...api, env: noColours });
  expect(await run.exitCode).toBe(0);
  expect(JSON.parse(run.stdout())).toEqual(ready.data);
});

test('--for takes a lease once the VM is ready, and tells until when', async () => {
  const lease = { id: 'l', expiresAt: '2026-02-08T12:15:30.000Z' };
  await using api = await startStubApi({
    ...healthy,
    'vm.wake': (input) => ({
      data: { ...ready.data, ...('minutes' in Object(input) && { lease }) },
    }),
  });
  const run = runInTerminal(['wake', '--for', '1h30m', '--reason', 'a film'], {
    ...api,
    env: noColours,
  });
  expect(await run.exitCode).toBe(0);
  const until = new Date(lease.expiresAt).toTimeString().slice(0, 8); // of this machine's zone
  expect(run.stdout()).toContain(`, kept on until ${until}\n`);
  const inputs = api.calls
    .filter(({ procedure }) => procedure === 'vm.wake')
    .map(({ input }) => input);
  expect(inputs).toEqual([
    { waitSeconds: expect.any(Number), reason: 'a film' },
    { minutes: 90, reason: 'a film' },
  ]);
});

test.each([
  ['of 300 characters', 'x'.repeat(300)],
  ['of two lines', 'a\nb'],
])('a reason %s is refused before the VM is woken', async (_what, reason) => {
  await using api = await startStubApi({
    ...healthy,
    'vm.wake': (input) =>
      'reason' in Object(input) ? refusal('BAD_REQUEST', 'a reason is one short line') : ready,
  });
  const run = runInTerminal(['wake', '--for', '1h', '--reason', reason], {
    ...api,
    env: noColours,
  });
  expect(await run.exitCode).toBe(2);
  expect(run.stderr()).toContain('ondemand: a reason is one short line\n');
  const wakes = api.calls.filter(({ procedure }) => procedure === 'vm.wake');
  expect(wakes.map(({ input }) => input)).toEqual([expect.objectContaining({ reason })]);
});

test('an answer that comes before the VM is ready, a lack of hosts, an API that ends and a proxy that gives up are asked about again', async () => {
  const clock = fakeTimeouts();
  await using api = await startStubApi({
    ...healthy,
    'vm.wake': [
      ...[{ status: 202, data: toReady('STARTING') }, outOfCapacity, shuttingDown, foreign(504)],
      ready,
    ],
  });
  const run = runInTerminal(['wake'], { ...api, env: noColours });
  for (let failures = 0; failures < 3; failures += 1) {
    await clock.untilDueIn(2_000);
    await clock.pass(2_000);
  }
  expect(await run.exitCode).toBe(0);
});

test('when OCI is out of hosts it is said when the next try is', async () => {
  const clock = fakeTimeouts();
  const at = new Date(2026, 1, 8, 10, 15, 40).toISOString();
  const waiting = {
    ...toReady('STOPPED'),
    phase: 'waking',
    nextStart: { reason: 'OUT_OF_CAPACITY', at },
  };
  await using api = await startStubApi({
    'vm.wake': [outOfCapacity, ready],
    'vm.watchReady': { stream: openStream(waiting) },
  });
  const run = runInTerminal(['wake'], { ...api, env: noColours });
  const said = 'STOPPED, OCI is out of hosts: the next try is at 10:15:40';
  await clock.until(() => run.stderr().includes(said));
  await clock.untilDueIn(2_000);
  await clock.pass(2_000);
  expect(await run.exitCode).toBe(0);
});

test('--timeout ends the wait with 124', async () => {
  const clock = fakeTimeouts();
  await using api = await startStubApi({
    'vm.wake': outOfCapacity,
    'vm.watchReady': { stream: openStream(toReady('STOPPED')) },
  });
  const run = runInTerminal(['wake', '--timeout', '1s'], { ...api, env: noColours });
  await clock.untilDueIn(2_000);
  await clock.pass(1_000);
  expect(await run.exitCode).toBe(124);
  expect(run.stderr()).toContain('Gave up after 1s of waiting until SSH and Docker answer');
});

test('--timeout ends the wait with the last failure, where there was one', async () => {
  const clock = fakeTimeouts();
  await using api = await startStubApi({
    'vm.wake': [{ status: 202, data: toReady('STARTING') }, foreign(502)],
    'vm.watchReady': { stream: openStream(toReady('STARTING')) },
  });
  const run = runInTerminal(['wake', '--timeout', '5s'], { ...api, env: noColours });
  for (const ms of [2_000, 2_000, 1_000]) {
    await clock.untilDueIn(2_000);
    await clock.pass(ms);
  }
  expect(await run.exitCode).toBe(124);
  expect(run.stderr()).toMatch(/it is STARTING.*; the last try failed: .*answered 502/);
});

test.each([
  ['wake', []],
  ['start', ['nginx', '--wake']],
  ['restart', ['nginx', '--wake']],
  ['rebuild', ['app', '--wake']],
])(
  '%s %j ends at once where a proxy before the API, or nothing at all, answers first',
  async (name, rest) => {
    const args = [name, ...rest, '--timeout', '60s'];
    await using api = await startStubApi({
      'vm.wake': foreign(503),
      'vm.watchReady': foreign(503),
    });
    const proxied = runInTerminal(args, { ...api, env: noColours });
    expect(await proxied.exitCode).toBe(6);
    expect(proxied.stderr()).toContain('answered 503, but not as this API does');
    const gone = await startStubApi({});
    await gone[Symbol.asyncDispose]();
    const refused = runInTerminal(args, { ...gone, env: noColours });
    expect(await refused.exitCode).toBe(6);
    expect(refused.stderr()).toContain('(ECONNREFUSED)');
  },
);

test('Ctrl-C says that the VM comes up only where the API has answered', async () => {
  await using api = await startStubApi({
    'vm.wake': hanging,
    'vm.watchReady': { stream: openStream(toReady('STARTING')) },
  });
  await using silent = await startSilentServer();
  for (const { url, once, says } of [
    { url: api.url, once: 'STARTING', says: 'the VM comes up all the same' },
    { url: silent.url, once: 'Waking', says: 'whether the VM comes up is unknown' },
  ]) {
    const user = new AbortController();
    const run = runInTerminal(['wake'], { url, signal: user.signal, env: noColours });
    await expect.poll(() => run.stderr()).toContain(once);
    user.abort();
    expect(await run.exitCode).toBe(130);
    expect(run.stderr()).toContain(`Interrupted; ${says}: look with ondemand status`);
  }
});

test('--reason without --for is a usage error, and nothing is sent', async () => {
  await using api = await startStubApi(healthy);
  const run = runInTerminal(['wake', '--reason', 'a film'], { ...api, env: noColours });
  expect(await run.exitCode).toBe(2);
  expect(run.stderr()).toContain('--reason goes with --for');
  expect(api.calls).toEqual([]);
});

test.each([
  ['FORBIDDEN', 3],
  ['CONFLICT', 5],
  ['SERVICE_UNAVAILABLE', 6],
] as const)('what waiting does not change ends it at once: %s', async (code, exitCode) => {
  await using api = await startStubApi({
    ...healthy,
    'vm.wake': refusal(code, 'no', { phase: 'unreachable' }),
  });
  const run = runInTerminal(['wake'], { ...api, env: noColours });
  expect(await run.exitCode).toBe(exitCode);
});

test.each([
  [
    ['start', 'a', 'b', '--wake'],
    ['containers.start', 'containers.start'],
  ],
  [['restart', 'a', '--wake'], ['containers.restart']],
  [
    ['rebuild', 'app', '--wake'],
    ['containers.rebuild', 'jobs.output', 'jobs.get'],
  ],
])('%j wakes the VM once, then acts', async (args, then) => {
  const scripts: Record<string, Script> = {
    ...healthy,
    'containers.start': acted('a', 'start'),
    'containers.rebuild': begun,
    'jobs.output': { stream: jobOutput },
    'jobs.get': { data: job },
  };
  await using api = await startStubApi(scripts);
  const run = runInTerminal(args, { ...api, env: noColours });
  expect(await run.exitCode).toBe(0);
  const calls = api.calls
    .map(({ procedure }) => procedure)
    .filter((name) => name !== 'vm.watchReady');
  expect(calls).toEqual(['vm.wake', ...then]);
});

test('start --wake begins nothing where the VM does not wake', async () => {
  await using api = await startStubApi({
    ...healthy,
    'vm.wake': refusal('CONFLICT', 'VM was deleted'),
  });
  const run = runInTerminal(['start', 'nginx', '--wake'], { ...api, env: noColours });
  expect(await run.exitCode).toBe(5);
  expect(api.calls.some(({ procedure }) => procedure === 'containers.start')).toBe(false);
});

test('stop knows no --wake', async () => {
  await using api = await startStubApi(healthy);
  expect(await runInTerminal(['stop', 'nginx', '--wake'], api).exitCode).toBe(2);
});

test('vm console prints the end of the console', async () => {
  await using api = await startStubApi(healthy);
  const run = runInTerminal(['vm', 'console', '-n', '5'], { ...api, env: noColours });
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toBe('oci-flex login: \n');
  expect(api.calls.at(-1)).toMatchObject({ procedure: 'vm.console', input: { lines: 5 } });
});
