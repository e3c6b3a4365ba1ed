// Docker's event stream over a real socket: as it comes, cut anywhere, refused and lost.

import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { EngineEvent } from '../../adapter-ports.ts';
import { AppError } from '../../app-error.ts';
import {
  type FakeEngine,
  sendJson,
  startFakeEngine,
} from '../../testing/fake-engine.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import { createEngine } from './engine.ts';

function line(name: string, nanos = 1): string {
  const actor = `"Actor":{"ID":"id-${name}","Attributes":{"name":"${name}"}}`;
  return `{"Type":"container","Action":"start",${actor},"timeNano":${1_770_545_730}${String(nanos).padStart(9, '0')}}\n`;
}

/** An engine whose event streams a test writes to. */
async function startStreams(): Promise<FakeEngine & { readonly streams: ServerResponse[] }> {
  const streams: ServerResponse[] = [];
  const fake = await startFakeEngine((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    streams.push(response);
  });
  return Object.assign(fake, { streams });
}

function read(events: AsyncIterable<EngineEvent>) {
  const names: (string | undefined)[] = [];
  const run = async () => {
    for await (const { attributes } of events) names.push(attributes.name);
  };
  return { names, ended: run() };
}

const failure = (reading: Promise<unknown>) =>
  reading.then(
    () => expect.fail('it ended well'),
    (error: unknown) => error,
  );

describe('events()', () => {
  test('resolves before anything happens, and gives each event as it comes', async () => {
    await using fake = await startStreams();
    await using engine = createEngine(fake);
    const stop = new AbortController();
    const reader = read(await engine.events({ signal: stop.signal }));
    fake.streams[0]?.write(line('a'));
    await until(() => reader.names.length === 1);
    fake.streams[0]?.write(`${line('b')}${line('c').slice(0, 40)}`);
    await until(() => reader.names.length === 2);
    fake.streams[0]?.write(line('c').slice(40));
    await until(() => reader.names.length === 3);
    expect(reader.names).toEqual(['a', 'b', 'c']);
    stop.abort(new Error('enough'));
    await expect(reader.ended).rejects.toThrow('enough');
    await until(() => fake.sockets.size <= 1);
  });

  test('asks for containers alone, and since the nanosecond', async () => {
    await using fake = await startStreams();
    await using engine = createEngine(fake);
    const stop = new AbortController();
    await engine.events({ since: { seconds: 1_770_545_730, nanos: 42 }, signal: stop.signal });
    const asked = new URL(fake.requests.at(-1)?.slice(4) ?? '', 'http://docker');
    expect(asked.pathname).toBe('/v1.41/events');
    expect(Object.fromEntries(asked.searchParams)).toEqual({
      filters: '{"type":["container"]}',
      since: '1770545730.000000042',
    });
    stop.abort();
  });

  test('skips what makes no sense and goes on', async () => {
    await using fake = await startStreams();
    await using engine = createEngine(fake);
    const reader = read(await engine.events({}));
    const huge = `{"x":"${'x'.repeat(2 * 1024 * 1024)}"}\n`;
    fake.streams[0]?.write(`${line('a')}<html>\n{"Type":7}\n{"Action":\n\n${huge}${line('b')}`);
    await until(() => reader.names.length === 2);
    expect(reader.names).toEqual(['a', 'b']);
    fake.streams[0]?.end();
    await reader.ended;
  });

  test('throws SERVICE_UNAVAILABLE when it is cut, after all that came', async () => {
    await using fake = await startStreams();
    await using engine = createEngine(fake);
    const reader = read(await engine.events({}));
    fake.streams[0]?.write(line('a'));
    await until(() => reader.names.length === 1);
    fake.streams[0]?.destroy();
    expect(await failure(reader.ended)).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('was lost while watching events'),
    });
  });

  test('throws SERVICE_UNAVAILABLE when the engine refuses, is silent or is not there', async () => {
    await using fake = await startFakeEngine((_request, response) =>
      sendJson(response, 500, { message: 'secret' }),
    );
    const clock = fakeTimeouts();
    await using engine = createEngine({ ...fake, timeoutMs: 100 });
    const refused = await failure(engine.events({}));
    expect(refused).toBeInstanceOf(AppError);
    expect(refused).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.not.stringContaining('secret'),
    });
    fake.respond = () => {};
    const before = fake.requests.length;
    const unanswered = failure(engine.events({}));
    await until(() => fake.requests.length === before + 1);
    await clock.pass(100);
    expect(await unanswered).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('did not answer in time while watching events'),
    });
    fake.respond = (request) => request.socket.destroy();
    expect(await failure(engine.events({}))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  });

  test('closes its channel when its reader leaves', async () => {
    await using fake = await startStreams();
    await using engine = createEngine(fake);
    const events = await engine.events({});
    const before = fake.sockets.size;
    fake.streams[0]?.write(line('a'));
    for await (const _event of events) break;
    await until(() => fake.sockets.size === before - 1);
  });
});
