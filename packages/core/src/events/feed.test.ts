// Listeners that come, leave, come back and fall behind.

import { describe, expect, test } from 'vitest';
import type { OnDemandEvent } from '../model/event.ts';
import { createEventFeed, type FeedListener } from './feed.ts';

const time = '2026-02-08T10:00:00.000Z';

function setUp(capacity = 5) {
  let epochs = 0;
  let ended = 0;
  const feed = createEventFeed({
    capacity,
    clock: { now: () => new Date(time), elapsedMs: () => 0 },
    randomHex(digits) {
      epochs += 1;
      return String(epochs).padStart(digits, '0');
    },
  });
  const publish = (...names: string[]) => {
    for (const name of names) feed.publish(toEvent(name));
  };
  const onEnd = () => {
    ended += 1;
  };
  const listen = (after?: string) => feed.listen({ after, onEnd });
  return { feed, publish, listen, ended: () => ended };
}

function toEvent(name: string): OnDemandEvent {
  return { type: 'container', time, name, action: 'start', image: '' };
}

/** The names of the next events, with `resync` for one. */
async function take(listener: FeedListener, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const { value } = await listener.next();
    names.push(value?.event.type === 'container' ? value.event.name : (value?.event.type ?? 'end'));
  }
  return names;
}

async function positionOf(listener: FeedListener): Promise<string> {
  return (await listener.next()).value?.position ?? 'none';
}

test('every listener gets every event from when it came, in order', async () => {
  const { publish, listen } = setUp();
  const first = listen();
  publish('a');
  const second = listen();
  publish('b', 'c');
  expect(await take(first, 3)).toEqual(['a', 'b', 'c']);
  expect(await take(second, 2)).toEqual(['b', 'c']);
});

test('where a listener began is a place to come back to, unless it has something to be told first', async () => {
  const { publish, listen } = setUp();
  publish('a');
  const { position } = listen();
  publish('b');
  expect(await take(listen(position), 1)).toEqual(['b']);
  expect(listen('elsewhere-7').position).toBeUndefined();
});

test('a listener waits for what is to come', async () => {
  const { publish, listen } = setUp();
  const taking = take(listen(), 2);
  publish('a');
  await Promise.resolve();
  publish('b');
  expect(await taking).toEqual(['a', 'b']);
});

describe('a listener that comes back', () => {
  test('gets what it missed, then what comes', async () => {
    const { publish, listen } = setUp();
    const before = listen();
    publish('a', 'b', 'c');
    const position = await positionOf(before);
    const back = listen(position);
    publish('d');
    expect(await take(back, 3)).toEqual(['b', 'c', 'd']);
  });

  test('gets nothing twice when it missed nothing', async () => {
    const { publish, listen } = setUp();
    const before = listen();
    publish('a');
    const back = listen(await positionOf(before));
    publish('b');
    expect(await take(back, 1)).toEqual(['b']);
  });

  test('gets all that is kept, to the last', async () => {
    const { publish, listen } = setUp(3);
    const before = listen();
    publish('a');
    const position = await positionOf(before);
    publish('b', 'c', 'd');
    expect(await take(listen(position), 3)).toEqual(['b', 'c', 'd']);
    publish('e');
    const late = listen(position);
    publish('f');
    expect(await take(late, 2)).toEqual(['resync', 'f']);
  });

  test('gets a resync when all was forgotten, and can come back after that', async () => {
    const { feed, publish, listen } = setUp();
    const before = listen();
    publish('a');
    const position = await positionOf(before);
    before.end();
    feed.forget();
    const back = listen(position);
    const resync = await back.next();
    expect(resync.value?.event.type).toBe('resync');
    publish('b');
    expect(await take(back, 1)).toEqual(['b']);
    expect(await take(listen(resync.value?.position), 1)).toEqual(['b']);
  });

  test.each([
    '',
    'nonsense',
    `${'0'.repeat(15)}1-2`,
    `${'0'.repeat(15)}2-0`,
    `${'0'.repeat(15)}1--1`,
    `${'0'.repeat(15)}1-1e9`,
    `${'0'.repeat(15)}1-01`,
    `${'0'.repeat(15)}1-0\n`,
    `x${'0'.repeat(15)}1-0`,
  ])('gets a resync first for the position %j', async (position) => {
    const { publish, listen } = setUp();
    publish('a');
    const back = listen(position);
    publish('b');
    expect(await take(back, 2)).toEqual(['resync', 'b']);
  });
});

test('very many listeners, woken some at a time, all get every event', async () => {
  const { publish, listen } = setUp();
  const taken = Array.from({ length: 100 }, () => take(listen(), 2));
  publish('a');
  await new Promise(setImmediate);
  publish('b');
  expect(await Promise.all(taken)).toEqual(taken.map(() => ['a', 'b']));
});

test('a listener that falls behind gets a resync and goes on from there', async () => {
  const { publish, listen } = setUp(5);
  const slow = listen();
  publish('a', 'b', 'c', 'd', 'e');
  const justInTime = listen();
  publish('f');
  expect(await take(justInTime, 1)).toEqual(['f']);
  const resync = await slow.next();
  expect(resync.value?.event).toMatchObject({ type: 'resync', time });
  publish('g');
  expect(await take(slow, 1)).toEqual(['g']);
});

describe('an iteration', () => {
  test('ends when it is told to, also while it waits, and says so once', async () => {
    const { publish, listen, ended } = setUp();
    const listener = listen();
    const waiting = [listener.next(), listener.next()];
    listener.end();
    listener.end();
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    publish('a');
    expect(await take(listener, 1)).toEqual(['end']);
    expect(ended()).toBe(1);
  });

  test('ends when its reader leaves', async () => {
    const { publish, listen, ended } = setUp();
    const listener = listen();
    publish('a', 'b');
    for await (const { event } of listener) {
      expect(event).toEqual(toEvent('a'));
      break;
    }
    expect(ended()).toBe(1);
  });
});
