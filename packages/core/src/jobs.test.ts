// The service of jobs over a host in memory: what callers see while jobs run, connections fail and the VM is switched off.

import { expect, test } from 'vitest';
import { until } from './docker/fake-engine.test-support.ts';
import { AppError } from './errors.ts';
import { createJobs, type JobsOptions } from './jobs.ts';
import type { JobState } from './model/job.ts';
import type { LifecycleState } from './model/vm.ts';
import type { EngineContainer, JobHost, JobRecord, JobRequest } from './ports.ts';

const id = '20260208T101531Z-3f9a1c2b';
const encode = (text: string) => new TextEncoder().encode(text);

interface FakeJob {
  log: Uint8Array;
  state: JobState;
  exitCode: number | null;
  target: string;
  startedAt: string;
}

function createFakeHost() {
  const jobs = new Map<string, FakeJob>();
  const started: JobRequest[] = [];
  const calls = { list: 0, read: 0, watched: new Set<string>(), failed: new Set<string>() };
  let failure: Error | undefined;
  let starting: () => Promise<void> = async () => {};

  const host: JobHost = {
    async start(request) {
      await starting();
      started.push(request);
      const startedAt = '2026-02-08T10:15:31.000Z';
      const fresh = { log: new Uint8Array(), state: 'running' as const, exitCode: null };
      jobs.set(request.id, { ...fresh, target: request.target, startedAt });
      return { startedAt };
    },
    async list({ id: wanted, tailBytes }) {
      calls.list += 1;
      if (failure) throw failure;
      return [...jobs]
        .filter(([each]) => wanted === undefined || each === wanted)
        .map(([each, job]): JobRecord => {
          const { log, ...facts } = job;
          const ended = job.state === 'succeeded' || job.state === 'failed';
          return {
            ...facts,
            id: each,
            kind: 'rebuild',
            finishedAt: ended ? '2026-02-08T10:20:00.000Z' : null,
            outputBytes: log.length,
            outputTail: tailBytes === 0 ? new Uint8Array() : log.slice(-tailBytes),
          };
        });
    },
    async read(spans, { waitMs, signal }) {
      calls.read += 1;
      const keys = spans.map((span) => `${span.id} ${span.offset}`);
      for (const key of keys) calls.watched.add(key);
      const look = () =>
        spans.map((span) => {
          const job = jobs.get(span.id);
          if (job === undefined) {
            return { ...span, state: undefined, bytes: new Uint8Array(), done: false };
          }
          const bytes = job.log.slice(span.offset, span.offset + 50);
          const done = job.state !== 'running' && span.offset + bytes.length >= job.log.length;
          return { ...span, state: job.state, bytes, done };
        });
      const isNews = () =>
        look().some(({ state, bytes, done }) => state === undefined || done || bytes.length > 0);
      const deadlineMs = Date.now() + Math.min(waitMs, 100);
      while (!failure && !isNews() && Date.now() < deadlineMs && !signal?.aborted) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      signal?.throwIfAborted();
      if (!failure) return look();
      for (const key of keys) calls.failed.add(key);
      throw failure;
    },
  };
  return {
    host,
    jobs,
    started,
    calls,
    add(name: string, job: Partial<FakeJob> & { readonly text?: string } = {}) {
      const { text = '', ...rest } = job;
      jobs.set(name, {
        log: encode(text),
        state: 'running',
        exitCode: null,
        target: 'web',
        startedAt: '2026-02-08T10:15:31.000Z',
        ...rest,
      });
    },
    print(name: string, text: string) {
      const job = jobs.get(name);
      if (job) job.log = Uint8Array.from([...job.log, ...encode(text)]);
    },
    end(name: string, state: JobState, exitCode: number | null = null) {
      Object.assign(jobs.get(name) ?? {}, { state, exitCode });
    },
    fail(error: Error | undefined) {
      failure = error;
    },
    onStart(run: () => Promise<void>) {
      starting = run;
    },
  };
}

interface SetUp extends Partial<JobsOptions> {
  readonly connected?: boolean;
  readonly state?: LifecycleState;
}

function setUp({ connected = true, state = 'RUNNING', ...options }: SetUp = {}) {
  const fake = createFakeHost();
  const vm = { state };
  const link = { connected, drop: () => {} };
  let changes = 0;
  let nowMs = Date.parse('2026-02-08T10:15:31.789Z');
  const jobs = createJobs({
    host: fake.host,
    planRebuild: async () => ({ argv: ['make'], env: { A: 'b' }, lock: 'rebuild-home' }),
    compute: {
      getInstance: async () => ({ lifecycleState: vm.state, displayName: 'vm', etag: 'e' }),
      getPublicIp: async () => undefined,
      act: async () => {},
    },
    link,
    clock: { now: () => new Date(nowMs), elapsedMs: () => nowMs },
    randomHex: (digits) => '3f9a1c2b'.slice(0, digits),
    onChange: () => {
      changes += 1;
    },
    ...options,
  });
  return {
    ...fake,
    service: jobs,
    vm,
    link,
    changes: () => changes,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

const lost = new AppError('SERVICE_UNAVAILABLE', 'connection lost', {
  details: { reason: 'CONNECTION_LOST' },
});

async function readAll(
  output: AsyncIterable<{ readonly text: string; readonly position: string }>,
) {
  const events: { text: string; position: string }[] = [];
  for await (const { text, position } of output) events.push({ text, position });
  return { events, text: events.map(({ text }) => text).join('') };
}

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
    { id, kind: 'rebuild', target: 'web', argv: ['make'], env: { A: 'b' }, lock: 'rebuild-home' },
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
  expect(calls.list).toBe(1);
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

test('output() gives lines as they come, and ends with the job', async () => {
  const { service, add, print, end } = setUp();
  add(id, { text: 'one\ntw' });
  const events = (await service.output(id))[Symbol.asyncIterator]();
  expect(await events.next()).toEqual({ done: false, value: { text: 'one\n', position: '4' } });
  const second = events.next();
  print(id, 'o\nthr');
  expect(await second).toEqual({ done: false, value: { text: 'two\n', position: '8' } });
  const third = events.next();
  print(id, 'ee');
  end(id, 'succeeded', 0);
  expect(await third).toEqual({ done: false, value: { text: 'three\n', position: '13' } });
  expect(await events.next()).toEqual({ done: true, value: undefined });
});

test('output() goes on after any of its positions, and after any offset with the next whole line', async () => {
  const { service, add } = setUp();
  const raw = 'first\nTOKEN=hunter2\n\u001b[31mred\u001b[0m\n\nlast';
  add(id, { text: raw, state: 'succeeded', exitCode: 0 });
  const whole = await readAll(await service.output(id));
  expect(whole.text).toBe('first\nTOKEN=***\nred\n\nlast\n');
  for (const { position } of whole.events) {
    const rest = await readAll(await service.output(id, { after: position }));
    expect(whole.text.endsWith(rest.text)).toBe(true);
  }
  for (let offset = 0; offset <= raw.length + 3; offset += 1) {
    const { text } = await readAll(await service.output(id, { after: String(offset) }));
    const lineStart = offset === 0 || offset >= raw.length || raw[offset - 1] === '\n';
    const from = lineStart ? offset : raw.indexOf('\n', offset) + 1;
    const lines = from === 0 || offset >= raw.length ? (offset === 0 ? raw : '') : raw.slice(from);
    expect(text.split('\n').length, `from ${offset}`).toBe(
      lines === '' ? 1 : lines.split('\n').length + 1,
    );
    expect(whole.text.endsWith(text)).toBe(true);
    expect(text).not.toContain('hunter2');
  }
});

test.each(['-1', '1e3', 'abc', '', ' 1', '99999999999999999999', '1.5'])(
  'output() after %j is BAD_REQUEST',
  async (after) => {
    const { service, add } = setUp();
    add(id);
    await expect(service.output(id, { after })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  },
);

test('output() leaves out the values of the environment of its container, and asks for them once', async () => {
  const asked: string[] = [];
  const { service, add } = setUp({
    secretsOf: async (target) => {
      asked.push(target);
      return ['correct horse', 'true'];
    },
  });
  add(id, { text: 'it is true: correct horse!\n'.repeat(20), state: 'succeeded', exitCode: 0 });
  const { text } = await readAll(await service.output(id));
  expect(text).toBe('it is true: ***!\n'.repeat(20));
  expect(asked).toEqual(['web']);
  expect((await service.get(id)).output).toBe(text);
  expect((await service.list())[0]?.output).toBe(text);
});

test('where the environment cannot be read, what looks like a secret is left out all the same', async () => {
  const { service, add } = setUp({ secretsOf: () => Promise.reject(lost) });
  add(id, { text: 'PASSWORD=hunter2\n' });
  expect((await service.get(id)).output).toBe('PASSWORD=***\n');
});

test('output() goes on over a lost connection, every line once', async () => {
  const { service, add, print, end, fail, calls } = setUp();
  add(id, { text: 'one\n' });
  const reading = readAll(await service.output(id));
  await until(() => calls.read > 1);
  fail(lost);
  await until(() => calls.failed.size > 0);
  print(id, 'two\n');
  end(id, 'succeeded', 0);
  fail(undefined);
  expect((await reading).text).toBe('one\ntwo\n');
});

test('output() and wait() give up after five minutes without the VM, and say where to look', async () => {
  const { service, add, fail, pass, calls } = setUp();
  add(id);
  const reading = readAll(await service.output(id));
  const waiting = service.wait(id);
  const expected = {
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining(`GET /jobs/${id}`),
    details: { job: id, outcome: 'unknown', reason: 'CONNECTION_LOST' },
  };
  const outcomes = Promise.allSettled([reading, waiting]);
  fail(lost);
  await until(() => calls.failed.size === 2);
  pass(5 * 60_000);
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: expected });
  }
});

test('output() and wait() end at once when the VM was stopped, and say so', async () => {
  const { service, add, fail, vm, link, calls } = setUp();
  add(id);
  const reading = readAll(await service.output(id));
  const waiting = service.wait(id);
  const outcomes = Promise.allSettled([reading, waiting]);
  await until(() => calls.watched.size === 2);
  link.connected = false;
  vm.state = 'STOPPED';
  fail(lost);
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: {
        code: 'SERVICE_UNAVAILABLE',
        message: expect.stringContaining(id),
        details: { job: id, lifecycleState: 'STOPPED' },
      },
    });
  }
});

test('a reader who leaves ends its output at once', async () => {
  const { service, add, calls } = setUp();
  add(id);
  const caller = new AbortController();
  const gone = new Error('left');
  const reading = readAll(await service.output(id, { signal: caller.signal }));
  await until(() => calls.read > 0);
  caller.abort(gone);
  await expect(reading).rejects.toBe(gone);
  const { read } = calls;
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(calls.read).toBeLessThanOrEqual(read + 1);
});

test('a reader who stops reading leaves at once, also while nothing comes', async () => {
  const { service, add, calls } = setUp();
  add(id, { text: 'one\n' });
  const events = (await service.output(id))[Symbol.asyncIterator]();
  await events.next();
  const pending = events.next();
  await until(() => calls.read > 1);
  await events.return?.();
  expect(await pending).toEqual({ done: true, value: undefined });
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

test('wait() for a job without end gives up, and says that it goes on', async () => {
  const { service, add } = setUp({ waitTimeoutMs: 60 });
  add(id);
  await expect(service.wait(id)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining(`GET /jobs/${id}`),
    details: { job: id, outcome: 'unknown' },
  });
});

test('wait() for a job that is not kept any more is unknown, not a missing container', async () => {
  await expect(setUp().service.wait('nope')).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining("'nope' is no longer kept"),
    details: { job: 'nope', outcome: 'unknown' },
  });
});

test.each(['x', '-1', '1.5', '9'.repeat(17)])(
  'output() after %j is BAD_REQUEST, and says of what',
  async (after) => {
    const { service, add } = setUp();
    add(id);
    await expect(service.output(id, { after })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      details: { issues: [{ path: 'lastEventId', message: expect.stringContaining('must be') }] },
    });
  },
);

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

const web: EngineContainer = {
  id: 'c0ffee',
  name: 'web',
  state: 'running',
  image: 'web',
  ports: '',
  uptime: 'Up 1 second',
  labels: {},
};
