// followLog() over real sockets: what it asks for, where it ends, and what it does when it is cut.

import { expect, test } from 'vitest';
import type { FollowLogOptions, StampedLine } from '../../adapter-ports.ts';
import { sendJson, startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import { epochSeconds, type FakeLog, startFakeLog } from '../../testing/fake-log.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import { createEngine } from '../engine/engine.ts';

const all = { tail: 'all', follow: false } as const;
const follow = { tail: 'all', follow: true } as const;

test('followLog() asks for what is wanted, in nanoseconds and without a bound of its own', async () => {
  await using log = await startFakeLog();
  await using engine = createEngine(log.engine);
  const since = { seconds: 1_770_000_000, nanos: 7 };
  await read(log, engine, { tail: 5, since, follow: false });
  expect(log.engine.requests.at(-1)).toBe(
    `GET /v1.41/containers/${log.id}/logs?stdout=1&stderr=1&timestamps=1&follow=0&tail=5&since=1770000000.000000007`,
  );
});

test('followLog() gives the lines as they come, until the container stops', async () => {
  await using log = await startFakeLog();
  await using engine = createEngine(log.engine);
  log.write('one\n');
  const lines = await engine.followLog(log.id, follow);
  const iterator = lines[Symbol.asyncIterator]();
  expect(await iterator.next()).toMatchObject({ value: [{ line: 'one', stream: 'stdout' }] });
  log.write('two\n', { stream: 2 });
  expect(await iterator.next()).toMatchObject({
    value: [{ line: 'two', stream: 'stderr', at: { seconds: epochSeconds, nanos: 2_000_000 } }],
  });
  log.write('no newline');
  log.stop();
  expect(await iterator.next()).toMatchObject({ value: [{ line: 'no newline' }] });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
  await until(() => log.engine.sockets.size <= 1);
});

test.each([false, true])(
  'a log that is cut at any byte gives whole lines and SERVICE_UNAVAILABLE (TTY: %s)',
  async (tty) => {
    await using log = await startFakeLog();
    await using engine = createEngine(log.engine);
    log.tty = tty;
    const texts = ['one', 'zwöi', ''];
    for (const text of texts) log.write(`${text}\n`);
    const size = tty ? 3 * 31 + 11 : 3 * 39 + 11;
    for (let cut = 1; cut <= size; cut += 1) {
      log.cutAfterBytes = cut;
      const got: string[] = [];
      const reading = collect(await engine.followLog(log.id, all), got);
      await expect(reading).rejects.toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        details: { reason: 'DOCKER_CONNECTION_LOST' },
      });
      expect(got).toEqual(texts.slice(0, got.length));
    }
  },
);

test('an answer that ends with its channel was cut: a lost connection looks the same', async () => {
  await using log = await startFakeLog();
  await using engine = createEngine(log.engine);
  const { respond } = log.engine;
  log.engine.respond = (request, response) => {
    if (!request.url?.includes('/logs')) return respond(request, response);
    request.socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
  };
  await expect(read(log, engine, follow)).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
});

test.each([
  [404, 'No such container', 'NOT_FOUND'],
  [501, 'configured logging driver does not support reading', 'CONFLICT'],
  [500, 'secret', 'SERVICE_UNAVAILABLE'],
])('followLog() that is answered %i (%s) is %s', async (status, message, code) => {
  await using log = await startFakeLog();
  await using engine = createEngine(log.engine);
  const { respond } = log.engine;
  log.engine.respond = (request, response) =>
    request.url?.includes('/logs')
      ? sendJson(response, status, { message })
      : respond(request, response);
  const reading = read(log, engine, follow);
  await expect(reading).rejects.toMatchObject({ code });
  await expect(reading).rejects.not.toThrow('secret');
});

test('followLog() of a container that is not there is NOT_FOUND', async () => {
  await using fake = await startFakeEngine((_request, response) => sendJson(response, 404, {}));
  await using engine = createEngine(fake);
  await expect(engine.followLog('nope', follow)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

async function read(
  log: FakeLog,
  engine: ReturnType<typeof createEngine>,
  options: FollowLogOptions,
): Promise<string[]> {
  const got: string[] = [];
  await collect(await engine.followLog(log.id, options), got);
  return got;
}

async function collect(batches: AsyncIterable<readonly StampedLine[]>, got: string[]) {
  for await (const batch of batches) got.push(...batch.map(({ line }) => line));
}
