// The service of jobs over a host in memory: what callers are told of the jobs that they start, list and wait for.

import { expect, test } from 'vitest';
import { AppError } from '../app-error.ts';
import { id, lost, setUp, web } from '../testing/jobs.test-support.ts';

test('startRebuild() starts the plan under an id that sorts by time, and tells that something changed', async () => {
  const { service, started, changes } = setUp();
  const job = await service.startRebuild(web);
  expect(job).toEqual({
    id,
    kind: 'rebuild',
    target: 'web',
    state: 'running',
    startedAt: '2026-02-08T10:15:31.000Z',
    finishedAt: null,
    exitCode: null,
    output: '',
  });
  expect(started).toEqual([
    {
      id,
      kind: 'rebuild',
      target: 'web',
      argv: ['make'],
      env: { A: 'b' },
      secrets: expect.anything(),
      lock: 'rebuild-home',
    },
  ]);
  expect(changes()).toBe(1);
});

test('startRebuild() while one of its project runs is CONFLICT with its id', async () => {
  const { service, onStart, changes } = setUp();
  onStart(() => Promise.reject(new AppError('CONFLICT', 'x', { details: { job: 'other' } })));
  await expect(service.startRebuild(web)).rejects.toMatchObject({
    code: 'CONFLICT',
    message:
      "A rebuild of the compose project of 'web' is already under way on oci-flex (job 'other'); wait until it has ended",
    details: { job: 'other', name: 'web' },
  });
  expect(changes()).toBe(0);
});

test('startRebuild() is seen through when its caller leaves, once it has been planned', async () => {
  const caller = new AbortController();
  const { service, started, onStart } = setUp();
  onStart(async () => caller.abort(new Error('left')));
  await expect(service.startRebuild(web, { signal: caller.signal })).resolves.toMatchObject({ id });
  expect(started).toHaveLength(1);
});

test('list() has the newest first, with the readable end of their output', async () => {
  const { service, add } = setUp();
  add('old', { startedAt: '2026-02-08T10:00:00.000Z', state: 'succeeded', exitCode: 0 });
  add('new-a', { text: `${'x\n'.repeat(3000)}TOKEN=hunter2\nend` });
  add('new-b', { state: 'lost' });
  const list = await service.list();
  expect(list.map((job) => job.id)).toEqual(['new-b', 'new-a', 'old']);
  const output = list[1]?.output ?? '';
  expect(output.length).toBeLessThan(2100);
  expect(output).toMatch(/^x\n.*TOKEN=\*\*\*\nend\n$/s);
});

test('get() has the newest 256 KiB, from a whole line on', async () => {
  const { service, add } = setUp();
  add(id, { text: 'line of text\n'.repeat(30_000), state: 'failed', exitCode: 2 });
  const job = await service.get(id);
  expect(job).toMatchObject({ state: 'failed', exitCode: 2, finishedAt: expect.any(String) });
  expect(job.output.length).toBeGreaterThan(256 * 1024 - 20);
  expect(job.output.length).toBeLessThanOrEqual(256 * 1024);
  expect(job.output.startsWith('line of text\n')).toBe(true);
});

test.each(['nope', '../etc', '', 'a b', '.hidden'])('get(%j) is NOT_FOUND', async (unknown) => {
  const { service } = setUp();
  const expected = { code: 'NOT_FOUND', message: expect.stringContaining('GET /jobs') };
  await expect(service.get(unknown)).rejects.toMatchObject(expected);
  await expect(service.output(unknown)).rejects.toMatchObject(expected);
});

test('a hundred readers of one job cost one call', async () => {
  const { service, add, calls } = setUp();
  add(id);
  await Promise.all(Array.from({ length: 100 }, () => service.get(id)));
  expect(calls.list).toBe(3); // whether it is there, what it is, and what must not show
  await Promise.all(Array.from({ length: 100 }, () => service.get(id)));
  expect(calls.list).toBeLessThanOrEqual(5);
});

test('everything says at once that the VM is STOPPED', async () => {
  const { service, fail } = setUp({
    connected: false,
    state: 'STOPPED',
    planRebuild: () => Promise.reject(lost),
  });
  fail(lost);
  const calls = [
    service.list(),
    service.get(id),
    service.output(id),
    service.wait(id),
    service.startRebuild(web),
  ];
  for (const outcome of await Promise.allSettled(calls)) {
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: {
        code: 'SERVICE_UNAVAILABLE',
        details: { lifecycleState: 'STOPPED' },
        message: expect.stringContaining('POST /vm/start'),
      },
    });
  }
});

test('fifty who wait for a job cost one call at a time', async () => {
  const { service, add, end, calls } = setUp();
  add(id);
  const waiting = Array.from({ length: 50 }, () => service.wait(id));
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(calls.read).toBeLessThan(10);
  end(id, 'succeeded', 0);
  for (const job of await Promise.all(waiting)) {
    expect(job).toMatchObject({ id, state: 'succeeded', exitCode: 0 });
  }
});

test('wait() for a job that fails is INTERNAL_ERROR with its exit code and its last lines', async () => {
  const { service, add } = setUp();
  const text = `${Array.from({ length: 80 }, (_, n) => `step ${n}`).join('\n')}\n\u001b[31mENV KEY=hunter2\n`;
  add(id, { text, state: 'failed', exitCode: 17 });
  const error = await service.wait(id).catch((caught: unknown) => caught);
  expect(error).toMatchObject({
    code: 'INTERNAL_ERROR',
    message:
      "The build of 'web' on oci-flex failed with exit code 17; its last lines are in details.output",
    details: { name: 'web', job: id, exitCode: 17 },
  });
  const output = String((error as AppError).details.output); // as matched above
  expect(output.split('\n')).toHaveLength(50);
  expect(output.endsWith('step 79\nENV KEY=***')).toBe(true);
});

test('wait() for a job that is lost says that the VM went down meanwhile', async () => {
  const { service, add } = setUp();
  add(id, { text: 'begun\n', state: 'lost' });
  await expect(service.wait(id)).rejects.toMatchObject({
    code: 'INTERNAL_ERROR',
    message: expect.stringContaining('the VM went down meanwhile'),
    details: { name: 'web', job: id, state: 'lost', output: 'begun' },
  });
});

test.each([
  ['as its caller wants', {}, { timeoutMs: 60 }],
  ['as the service waits', { maxWaitMs: 60 }, {}],
  ['as the service waits, whatever its caller wants', { maxWaitMs: 60 }, { timeoutMs: 1e9 }],
])('wait() for a job that goes on gives nothing after as long %s', async (_, options, how) => {
  const { service, add } = setUp(options);
  add(id);
  await expect(service.wait(id, how)).resolves.toBeUndefined();
});

test('wait() gives nothing in time while the VM is out of reach, too', async () => {
  const { service, add, fail } = setUp();
  add(id);
  fail(lost);
  await expect(service.wait(id, { timeoutMs: 60 })).resolves.toBeUndefined();
});

test('wait() for a job that is not kept any more is unknown, not a missing container', async () => {
  await expect(setUp().service.wait('nope')).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining("'nope' is no longer kept"),
    details: { job: 'nope', outcome: 'unknown' },
  });
});

test('the end of a job is told once, however many see it', async () => {
  const { service, end, changes } = setUp();
  const { id: job } = await service.startRebuild(web);
  const waiting = [service.wait(job), service.wait(job)];
  await service.list();
  expect(changes()).toBe(1);
  end(job, 'succeeded', 0);
  await Promise.all(waiting);
  await service.list();
  expect(changes()).toBe(2);
});

test('cancel() ends a job, and gives it as it has ended', async () => {
  const { service, add, calls, changes } = setUp();
  add(id, { text: 'begun\n' });
  expect(await service.cancel(id)).toMatchObject({
    id,
    state: 'cancelled',
    exitCode: 143,
    finishedAt: expect.any(String),
    output: 'begun\n',
  });
  expect(calls.cancel).toBe(1);
  expect(changes()).toBe(1);
});

test.each(['succeeded', 'failed', 'cancelled', 'lost'] as const)(
  'cancel() of a job that is %s is CONFLICT with its state, and asks nothing of the VM',
  async (state) => {
    const { service, add, calls } = setUp();
    add(id, { state });
    await expect(service.cancel(id)).rejects.toMatchObject({
      code: 'CONFLICT',
      text: 'Job already ended',
      message: expect.stringContaining('has ended already'),
      details: { job: id, state },
    });
    expect(calls.cancel).toBe(0);
  },
);

test('cancel() of a job that ends in that very moment is CONFLICT with how it ended', async () => {
  const { service, host, add, end } = setUp();
  add(id);
  host.cancel = async () => {
    end(id, 'succeeded', 0);
    return 'succeeded';
  };
  await expect(service.cancel(id)).rejects.toMatchObject({
    code: 'CONFLICT',
    details: { job: id, state: 'succeeded' },
  });
});

test.each(['nope', '../etc', ''])('cancel(%j) is NOT_FOUND', async (unknown) => {
  await expect(setUp().service.cancel(unknown)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test('cancel() of a job that even KILL does not end says so', async () => {
  const { service, host, add } = setUp();
  add(id);
  host.cancel = async () => 'running';
  await expect(service.cancel(id)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    text: 'Job still running',
    message: expect.stringContaining('KILL'),
    details: { reason: 'OUTCOME_UNKNOWN', job: id, state: 'running' },
  });
});

test('wait() for a job that is cancelled says so', async () => {
  const { service, add } = setUp();
  add(id, { text: 'begun\n' });
  const waiting = expect(service.wait(id)).rejects.toMatchObject({
    code: 'INTERNAL_ERROR',
    text: 'Build cancelled',
    message: expect.stringContaining('was cancelled'),
    details: { name: 'web', job: id, state: 'cancelled', output: 'begun' },
  });
  await service.cancel(id);
  await waiting;
});

test('a thousand unknown ids at once do not cost the VM a command each', async () => {
  const { service, add, calls } = setUp();
  add(id);
  const asked = await Promise.allSettled(
    Array.from({ length: 1000 }, (_, index) => [
      service.get(`nope-${index}`),
      service.output(`nope-${index}`),
      service.cancel(`nope-${index}`),
    ]).flat(),
  );
  for (const outcome of asked) expect(outcome).toMatchObject({ reason: { code: 'NOT_FOUND' } });
  expect(calls.list).toBeLessThan(50); // one, but for what takes longer to ask than a listing is fresh
});

test('who asked for a job is kept with it', async () => {
  const { service, started } = setUp();
  const by = { sub: 'ann', clientId: 'cli', requestId: 'r-1' };
  await service.startRebuild(web, { by });
  expect(started).toMatchObject([{ by }]);
});
