// Which container is meant, what an action on it does, and what is told when that fails.

import { expect, test } from 'vitest';
import type { CallOptions } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { blocked, dbId, job, log, setUp, webId } from '../testing/containers.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { until } from '../testing/until.test-support.ts';

test('list() is sorted by name and shows what a caller may see', async () => {
  const { containers } = setUp();
  const list = await containers.list();
  expect(list.map(({ name }) => name)).toEqual(['Zeta', 'aa11', 'db', 'web']);
  expect(list.at(-1)).toEqual({
    name: 'web',
    state: 'running',
    image: 'img',
    ports: '',
    uptime: 'Up 1 second',
  });
});

test.each([
  ['web', 'web'],
  [webId, 'web'],
  [dbId, 'db'],
  ['aa22', 'db'],
  ['aa22000000', 'db'],
  // A name wins over the beginning of an id.
  ['aa11', 'aa11'],
  ['bb33', 'aa11'],
])('status(%j) finds %s', async (name, found) => {
  const { containers } = setUp();
  expect(await containers.status(name)).toMatchObject({ name: found });
});

test.each(['ngnix', 'WEB', 'we', 'aa1100x'])('status(%j) is NOT_FOUND', async (name) => {
  const { containers } = setUp();
  await expect(containers.status(name)).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: `No container named '${name}' on oci-flex`,
    details: { name },
  });
});

test('the beginning of several ids is BAD_REQUEST, as for Docker, and nothing happens', async () => {
  const { containers, calls } = setUp();
  await expect(containers.stop('aa')).rejects.toMatchObject({
    code: 'BAD_REQUEST',
    details: {
      issues: [{ path: 'name', message: expect.stringMatching(/^'aa' .* ids of 2 containers/) }],
    },
  });
  expect(calls).toEqual(['list']);
});

test.each(['start', 'stop', 'restart'] as const)(
  "%s() tells the container's name, also when it was asked for by id",
  async (action) => {
    const { containers, calls } = setUp();
    expect(await containers[action]('aa22')).toEqual({
      container: 'db',
      action,
      status: 'success',
      changed: true,
    });
    expect(calls).toEqual(['list', `${action} ${dbId}`]);
  },
);

test('rebuild() waits for its job, and tells which one it was', async () => {
  const { containers, calls } = setUp();
  expect(await containers.rebuild('aa22')).toEqual({
    container: 'db',
    action: 'rebuild',
    status: 'success',
    changed: false,
    job: job.id,
  });
  expect(calls).toEqual(['list', 'list', `rebuild ${dbId}`, `wait ${job.id}`, 'list']);
});

test.each([
  ['without waiting answers once the job has begun', { waitMs: 0 }, undefined, 0, []],
  ['waits as long as its caller wants', { waitMs: 5_000 }, 45_000, 0, [5_000]],
  ['waits as long as the service does', {}, 45_000, 0, [45_000]],
  ['waits without a limit where there is none', {}, undefined, 0, [undefined]],
  ['counts from the call on', { waitMs: 5_000 }, undefined, 2_000, [3_000]],
  ['does not wait when the time is over as the job begins', { waitMs: 5_000 }, 0, 6_000, []],
] as const)('rebuild() %s', async (_, how, rebuildWaitMs, startTakesMs, waits) => {
  const timeouts: (number | undefined)[] = [];
  let nowMs = 0;
  const { containers, jobs } = setUp({ rebuildWaitMs, elapsedMs: () => nowMs });
  const { startRebuild } = jobs;
  jobs.startRebuild = (container) => {
    nowMs += startTakesMs;
    return startRebuild(container);
  };
  jobs.wait = async (_id, { timeoutMs } = {}) => {
    timeouts.push(timeoutMs);
    return undefined;
  };
  expect(await containers.rebuild('aa22', how)).toEqual({
    container: 'db',
    action: 'rebuild',
    status: 'initiated',
    job: job.id,
  });
  expect(timeouts).toEqual(waits);
});

test("rebuild() fails as its job did, and hands its caller's signal to the wait", async () => {
  const { containers, jobs } = setUp();
  const failed = new AppError('INTERNAL_ERROR', 'The build failed', { details: { exitCode: 17 } });
  const caller = new AbortController();
  let given: CallOptions | undefined;
  jobs.wait = (_id, options) => {
    given = options;
    return Promise.reject(failed);
  };
  await expect(containers.rebuild('web', { signal: caller.signal })).rejects.toBe(failed);
  expect(given?.signal).toBe(caller.signal);
});

test('rebuild() names its job to whoever waits for it when the process ends', async () => {
  const closing = new AbortController();
  const { containers, jobs } = setUp({ closing: closing.signal });
  jobs.wait = (_id, { signal } = {}) =>
    new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
      closing.abort();
    });
  const caller = new AbortController();
  expect(await containers.rebuild('aa22', { signal: caller.signal })).toMatchObject({
    status: 'initiated',
    job: job.id,
  });
});

test.each(['start', 'stop'] as const)(
  '%s() of one that is so already changes nothing',
  async (action) => {
    const { containers } = setUp({ changed: false });
    expect(await containers[action]('web')).toMatchObject({ status: 'success', changed: false });
  },
);

test('a container that goes away between two calls is missing by the name that was asked for', async () => {
  const { containers, engine } = setUp();
  const gone = () => Promise.reject(new AppError('NOT_FOUND', `No container named '${webId}'`));
  Object.assign(engine, { start: gone, logs: gone, inspect: gone, stats: gone });
  for (const call of [
    containers.start('web'),
    containers.logs('web'),
    containers.inspect('web'),
    containers.stats('web'),
  ]) {
    await expect(call).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: "No container named 'web' on oci-flex",
      details: { name: 'web' },
    });
  }
});

test('what fails between two calls is told by the name that was asked for, not by its id', async () => {
  const { containers, engine } = setUp();
  engine.stats = () =>
    Promise.reject(
      new AppError(
        'SERVICE_UNAVAILABLE',
        `Docker did not answer in time while looking at '${webId}'`,
        {
          text: 'Docker not reachable',
          details: { reason: 'DOCKER_TIMEOUT', name: webId },
        },
      ),
    );
  await expect(containers.stats('web')).rejects.toMatchObject({
    text: 'Docker not reachable',
    message: "Docker did not answer in time while looking at 'web'",
    details: { reason: 'DOCKER_TIMEOUT', name: 'web' },
  });
});

test('logs() tell how many lines were asked for, 100 when left out', async () => {
  const { containers, calls } = setUp();
  expect(await containers.logs('aa22', { lines: 7 })).toEqual({
    container: 'db',
    lines: 7,
    logs: log,
  });
  expect(await containers.logs('web')).toMatchObject({ lines: 100 });
  expect(calls).toContain(`logs ${dbId} 7`);
  expect(calls).toContain(`logs ${webId} 100`);
});

test('logs() count some bytes before any has come, so that few long ones are read at the same time', async () => {
  const { containers, engine } = setUp();
  const added: number[] = [];
  engine.logs = async (_id, { countBytes }) => {
    countBytes?.(1024 * 1024);
    countBytes?.(4 * 1024 * 1024);
    return log;
  };
  const openCharge = () => ({ add: (bytes: number) => added.push(bytes), release() {} });
  await containers.logs('web', { lines: 10_000, openCharge });
  expect(added).toEqual([4 * 1024 * 1024, 1024 * 1024]);
});

test.each(['start', 'stop', 'restart', 'rebuild'] as const)(
  'a read that begins after %s() joins no read that began before it',
  async (action) => {
    const clock = fakeTimeouts();
    for (const fails of [false, true]) {
      const { containers, engine, jobs, calls } = setUp();
      const early = blocked(engine, calls);
      const before = containers.list();
      await until(() => calls.includes('list'));
      if (fails) {
        const refuse = () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'no'));
        Object.assign(engine, { start: refuse, stop: refuse, restart: refuse });
        jobs.startRebuild = refuse;
      }
      let isOver = false;
      const end = () => {
        isOver = true;
      };
      containers[action]('web').then(end, end);
      await clock.passEach(2000, () => isOver);
      const count = () => calls.filter((call) => call === 'list').length;
      const earlier = count();
      const after = containers.list();
      await clock.passEach(2000, () => count() > earlier);
      expect(count()).toBe(earlier + 1);
      early();
      await Promise.all([before, after]);
    }
  },
);

test('an action that was sent is seen through when its caller leaves', async () => {
  const { containers, engine } = setUp();
  const caller = new AbortController();
  let given: CallOptions | undefined;
  engine.stop = async (_id, options) => {
    given = options;
    caller.abort(new Error('left'));
    return { changed: true };
  };
  await expect(containers.stop('web', { signal: caller.signal })).resolves.toMatchObject({
    status: 'success',
  });
  expect(given?.signal).toBeUndefined();
});

test.each([
  'list',
  'status',
  'start',
  'stop',
  'restart',
  'rebuild',
  'logs',
  'inspect',
  'stats',
] as const)('%s() says at once that the VM is STOPPED, without waiting for SSH', async (method) => {
  const { containers, engine } = setUp({ connected: false, state: 'STOPPED' });
  engine.list = ({ signal } = {}) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  const call = method === 'list' ? containers.list() : containers[method]('web');
  await expect(call).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    details: { lifecycleState: 'STOPPED' },
    message: expect.stringContaining('POST /vm/start'),
  });
});

test('an action that fails because the VM was stopped meanwhile says so', async () => {
  const { containers, engine } = setUp({ state: 'STOPPING' });
  engine.restart = () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'connection lost'));
  await expect(containers.restart('web')).rejects.toMatchObject({
    details: { lifecycleState: 'STOPPING' },
  });
});
