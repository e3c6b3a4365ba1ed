import { once } from 'node:events';
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createSource } from '../testing/stream.test-support.ts';
import { createItemStream, type Encoding } from './byte-stream.ts';
import { toInterruptible } from './interruptible-stream.ts';

const encoding: Encoding<string> = {
  contentType: 'text/plain',
  toHead: () => '',
  ping: '',
  toText: (item) => item,
  toEnd: (end) => `<${end}>`,
  toFailure: ({ body }) => `<${body.message}>`,
};

function createStream(
  items: AsyncIterable<string>,
  { pingMs = 20_000, ...overrides }: Partial<Encoding<string>> & { readonly pingMs?: number } = {},
) {
  return createItemStream(
    toInterruptible(items, () => {}),
    {
      encoding: { ...encoding, ...overrides },
      pingMs,
      toFailure: (error) => ({
        status: 500,
        headers: {},
        body: {
          error: '',
          code: 'INTERNAL_ERROR',
          message: (error as Error).message, // the test's own
          details: { requestId: '' },
        },
      }),
    },
  );
}

async function* repeat(item: string, count: number) {
  for (let index = 0; index < count; index += 1) yield item;
}

test('items that are there go out together', async () => {
  const chunks = await createStream(repeat('0123456789', 10_000)).toArray();
  expect(chunks.map(String).join('')).toBe(`${'0123456789'.repeat(10_000)}<finished>`);
  expect(chunks.length).toBeLessThan(10);
});

test('no item waits for another', async () => {
  const source = createSource<string>();
  const stream = createStream(source);
  const first = once(stream, 'data');
  source.push('a', 'b');
  expect(String((await first)[0])).toBe('ab');
  const second = once(stream, 'data');
  source.push('c');
  expect(String((await second)[0])).toBe('c');
  stream.destroy();
});

test('a source that never pauses leaves time to the rest of the process', async () => {
  const stream = createStream(repeat('x'.repeat(100), 1_000_000));
  stream.resume();
  for (let count = 0; count < 10; count += 1) await turn();
  expect(stream.readableEnded).toBe(false);
  stream.destroy();
});

test('nothing is asked for that nobody takes', async () => {
  const source = createSource<string>();
  const stream = createStream(source);
  for (let count = 0; count < 1000; count += 1) source.push('x'.repeat(1024));
  stream.read(0); // a reader who has not taken anything yet
  for (let count = 0; count < 50; count += 1) await turn();
  expect(source.asked).toBeGreaterThan(10);
  expect(source.asked).toBeLessThan(70);
  stream.destroy();
});

test('a single item that is larger than a chunk goes out whole', async () => {
  const large = 'ü'.repeat(1_000_000);
  const chunks = await createStream(repeat(large, 2)).toArray();
  expect(chunks.map(String).join('')).toBe(`${large}${large}<finished>`);
});

test('leaving it leaves the source, once', async () => {
  const source = createSource<string>();
  const stream = createStream(source);
  stream.resume();
  await expect.poll(() => source.asked).toBe(1);
  stream.destroy();
  await once(stream, 'close');
  expect(source.isLeft).toBe(true);
  source.push('late');
  source.fail(new Error('late'));
  await turn();
});

test('a failure comes after what came before it', async () => {
  const source = createSource<string>();
  source.push('a', 'b');
  source.fail(new Error('why'));
  expect((await createStream(source).toArray()).map(String).join('')).toBe('ab<why>');
});

test('a form without a word for failure is cut off, after what came before it', async () => {
  const source = createSource<string>();
  const stream = createStream(source, { toFailure: () => undefined });
  const failed = new Promise<Error>((resolve) => {
    stream.once('error', resolve);
  });
  let text = '';
  stream.on('data', (chunk) => {
    text += chunk;
  });
  source.push('a', 'b');
  source.fail(new Error('why'));
  expect((await failed).message).toMatch(/^cut off/);
  expect(text).toBe('ab');
});

test('a form without a word for failure is cut off for a slow reader too, once all before it was taken', async () => {
  const source = createSource<string>();
  source.push(...['a', 'b', 'c'].map((letter) => letter.repeat(20 * 1024))); // more than one chunk
  source.fail(new Error('why'));
  const stream = createStream(source, { toFailure: () => undefined });
  let taken = 0;
  let takeMore = () => {};
  const sink = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      taken += chunk.length;
      takeMore = done;
    },
  });
  const failed = new Promise<Error>((resolve) => {
    stream.once('error', resolve);
  });
  stream.pipe(sink);
  await expect.poll(() => [taken, stream.readableLength]).toEqual([40_960, 20_480]);
  for (let count = 0; count < 10; count += 1) await turn(); // it failed meanwhile, and waits
  expect(stream.destroyed).toBe(false);
  takeMore();
  expect((await failed).message).toMatch(/^cut off/);
  expect(taken).toBe(61_440);
});

describe('a silence', () => {
  test('is broken by pings, which nothing else waits for', async () => {
    const source = createSource<string>();
    const stream = createStream(source, { pingMs: 20, toHead: () => '[', ping: '.' });
    let text = '';
    stream.on('data', (chunk) => {
      text += chunk;
    });
    await expect.poll(() => text).toMatch(/^\[\.{2,}$/);
    source.push('a');
    await expect.poll(() => text).toMatch(/^\[\.+a\.{2,}$/);
    stream.destroy();
    await once(stream, 'close');
  });

  test('of a reader who takes nothing is not filled with pings', async () => {
    const stream = createStream(createSource(), { pingMs: 1, toHead: () => '[', ping: '.' });
    stream.read(0);
    let polls = 0;
    await expect.poll(() => ++polls).toBeGreaterThan(5);
    expect(stream.readableLength).toBeLessThan(10);
    stream.destroy();
  });
});
