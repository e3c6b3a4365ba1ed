// Inspections and samples over a real socket.

import { describe, expect, test } from 'vitest';
import { type Respond, sendJson, startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import { createEngine } from './engine.ts';

const id = 'c0ffee'.repeat(10);
const details = {
  Id: id,
  Name: '/web',
  Path: 'serve',
  Args: ['--token', 'hunter22'],
  State: { Status: 'running', Running: true, StartedAt: '2026-02-08T10:00:00Z' },
  Config: { Env: ['TOKEN=hunter22', 'PIN=a1c'] },
};

describe('inspect()', () => {
  test('gives the container without the values of its environment', async () => {
    await using fake = await startFakeEngine((_request, response) =>
      sendJson(response, 200, details),
    );
    await using engine = createEngine(fake);
    expect(await engine.inspect(id)).toMatchObject({
      name: 'web',
      command: ['serve', '--token', '***'],
      environment: ['TOKEN', 'PIN'],
    });
    expect(fake.requests.at(-1)).toBe(`GET /v1.41/containers/${id}/json`);
  });

  test('is NOT_FOUND for a container that is not there', async () => {
    await using fake = await startFakeEngine((_request, response) =>
      sendJson(response, 404, { message: 'No such container' }),
    );
    await using engine = createEngine(fake);
    for (const ask of [engine.inspect, engine.stats, engine.readSecrets]) {
      await expect(ask(id)).rejects.toMatchObject({ code: 'NOT_FOUND', details: { name: id } });
    }
  });

  test('is SERVICE_UNAVAILABLE, without a word of it, for an answer of another shape', async () => {
    await using fake = await startFakeEngine((_request, response) =>
      sendJson(response, 200, { ...details, Config: { Env: 'TOKEN=hunter22' } }),
    );
    await using engine = createEngine(fake);
    await expect(engine.inspect(id)).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.not.stringContaining('hunter22'),
    });
  });
});

test('readSecrets() gives the words that must not be shown, and since when they are those', async () => {
  const Created = '2026-02-08T10:15:30.123456789Z';
  await using fake = await startFakeEngine((_request, response) =>
    sendJson(response, 200, { ...details, Created }),
  );
  await using engine = createEngine(fake);
  const { words, createdAt } = await engine.readSecrets(id);
  expect(createdAt).toBe(Created);
  expect(words).toContain('hunter22');
  expect(words.at(-1)).toBe('a1c');
});

describe('stats()', () => {
  const sample = {
    read: '2026-02-08T10:15:30Z',
    memory_stats: { usage: 100, limit: 1000 },
    pids_stats: { current: 3 },
  };
  const answer =
    (container: object, respond: Respond): Respond =>
    (request, response) =>
      request.url?.includes('/stats')
        ? respond(request, response)
        : sendJson(response, 200, container);

  test('gives one sample, and waits for it longer than for other answers', async () => {
    const clock = fakeTimeouts();
    const late: (() => void)[] = [];
    await using fake = await startFakeEngine(
      answer(details, (_request, response) => {
        late.push(() => sendJson(response, 200, sample));
      }),
    );
    await using engine = createEngine({ ...fake, timeoutMs: 100 });
    const asking = engine.stats(id);
    await until(() => late.length === 1);
    await clock.pass(300);
    late[0]?.();
    expect(await asking).toMatchObject({
      container: 'web',
      readAt: '2026-02-08T10:15:30.000Z',
      memoryBytes: 100,
      pids: 3,
    });
    expect(fake.requests.at(-1)).toBe(`GET /v1.41/containers/${id}/stats?stream=false`);
  });

  test('gives zeros for a container that does not run, without asking for a sample', async () => {
    const stopped = { ...details, State: { Status: 'exited', Running: false } };
    await using fake = await startFakeEngine(
      answer(stopped, (_request, response) => sendJson(response, 500, {})),
    );
    const now = new Date('2026-02-08T11:00:00Z');
    await using engine = createEngine({ ...fake, clock: { now: () => now, elapsedMs: () => 0 } });
    expect(await engine.stats(id)).toMatchObject({
      container: 'web',
      readAt: now.toISOString(),
      cpuPercent: 0,
      memoryLimitBytes: 0,
    });
  });

  test('stops when its caller leaves', async () => {
    await using fake = await startFakeEngine(answer(details, () => {}));
    await using engine = createEngine(fake);
    const stop = new AbortController();
    const asking = engine.stats(id, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error('gone')), 50);
    await expect(asking).rejects.toThrow('gone');
  });
});
