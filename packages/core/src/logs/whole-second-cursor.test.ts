// The log of an engine that stamps whole seconds, whose `since` is exclusive and whose followed answers lack lines at their end (Podman 5):
// every line once all the same, over real sockets.

import { expect, test } from 'vitest';
import { epochSeconds, type FakeLog } from '../testing/fake-log.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { numbers, startWorld } from '../testing/log-follower.test-support.ts';
import { until } from '../testing/until.test-support.ts';
import type { FollowedLine } from './follower.ts';

const ways = ['nanos', 'seconds'] as const;

async function startPodman(way: (typeof ways)[number] = 'nanos') {
  const world = await startWorld();
  world.log.podman = way;
  return world;
}

/** Twelve lines a second, some of them alike, on both streams. */
function writeBurst(log: FakeLog, count: number, write = log.write): void {
  const from = log.entries.length;
  for (let n = from; n < from + count; n += 1) {
    const nanos = Math.floor(n / 12) * 1e9 + (n % 12) * 1000 + 1;
    const text = n % 4 === 3 ? 'tick\n' : `${n}\n`;
    write(text, { nanos, stream: n % 5 === 2 ? 2 : 1 });
  }
}

const textsOf = (log: FakeLog) => log.entries.map(({ text }) => text.trimEnd());

test.each(ways)(
  'a burst at the stop of a container loses nothing and repeats nothing (%s)',
  async (way) => {
    const clock = fakeTimeouts();
    await using world = await startPodman(way);
    const { log } = world;
    const reader = await world.read({ tail: 'all' });
    await until(() => log.followers.size === 1);
    for (let run = 0; run < 4; run += 1) {
      writeBurst(log, 5);
      // In the middle of the second and over its end, the engine leaves lines out.
      writeBurst(log, run + 3, log.writeUnseen);
      writeBurst(log, run === 3 ? 0 : 2);
      log.stop();
      await clock.passEach(1000, () => reader.texts.length === log.entries.length);
      log.start();
      await clock.passEach(1000, () => log.followers.size === 1);
    }
    // Those that were left out come last, each once.
    expect(reader.texts.toSorted()).toEqual(textsOf(log).toSorted());
  },
);

test.each(ways)(
  'a followed log goes on after a lost connection in the middle of a second (%s)',
  async (way) => {
    await using world = await startPodman(way);
    const { log } = world;
    const reader = await world.read();
    await until(() => log.followers.size === 1);
    for (let cut = 1; cut < 9; cut += 1) {
      writeBurst(log, 3);
      await until(() => reader.texts.length === log.entries.length);
      writeBurst(log, cut, log.writeUnseen);
      log.cut();
      await until(() => log.followers.size === 1 && reader.texts.length === log.entries.length);
    }
    expect(reader.texts).toEqual(textsOf(log));
  },
);

test.each(ways)(
  'a reader who comes back with the position of any line gets exactly those after it (%s)',
  async (way) => {
    await using world = await startPodman(way);
    writeBurst(world.log, 30);
    const all = await world.read({ follow: false, tail: 'all' });
    await all.ended;
    expect(all.texts).toEqual(textsOf(world.log));
    for (const [index, { position }] of all.lines.entries()) {
      expect(position).toMatch(/^[a-z0-9.:]{1,128}$/);
      const back = await world.read({ follow: false, after: position });
      await back.ended;
      expect(back.lines).toEqual(all.lines.slice(index + 1));
    }
  },
);

test('a reader who comes back before the lines that were left out were given gets them', async () => {
  await using world = await startPodman();
  const { log } = world;
  const reader = await world.read({ tail: 'all', limit: 7 });
  await until(() => log.followers.size === 1);
  writeBurst(log, 4);
  writeBurst(log, 2, log.writeUnseen);
  writeBurst(log, 3);
  await reader.ended;
  const back = await world.read({ after: reader.lines.at(-1)?.position, follow: false });
  await back.ended;
  expect(back.texts).toEqual(textsOf(log).slice(4, 6));
});

test.each([
  [0, 40],
  [1, 40],
  [5, 40],
  [16, 40],
  [16, 36],
  [100, 40],
])('a tail of %i lines of %i is given once, however often it is cut', async (tail, count) => {
  await using world = await startPodman();
  const { log } = world;
  writeBurst(log, count);
  const reader = await world.read({ tail });
  await until(() => log.followers.size === 1);
  const wanted = Math.min(tail, count);
  await until(() => reader.texts.length === wanted);
  log.cut();
  await until(() => log.followers.size === 1);
  log.stop();
  writeBurst(log, 4);
  log.start();
  await until(() => reader.texts.length >= wanted + 4);
  expect(reader.texts).toEqual(textsOf(log).slice(count - wanted));

  const got: FollowedLine[] = [];
  let after: string | undefined;
  for (;;) {
    const piece = await world.read({ follow: false, tail: 9, after, limit: 1 });
    await piece.ended;
    const [line] = piece.lines;
    if (line === undefined) break;
    got.push(line);
    after = line.position;
  }
  expect(got.map(({ line }) => line)).toEqual(textsOf(log).slice(-9));
});

test('a reader of only new lines can resume where it began', async () => {
  await using world = await startPodman();
  writeBurst(world.log, 5);
  const leaving = new AbortController();
  const { position } = await world.follow('web', { tail: 0, signal: leaving.signal });
  leaving.abort();
  writeBurst(world.log, 9);
  const back = await world.read({ tail: 0, follow: false, after: position });
  await back.ended;
  expect(back.texts).toEqual(textsOf(world.log).slice(5));
});

test('since gives nothing older after a cut, nor to a reader who comes back', async () => {
  await using world = await startPodman();
  const { log } = world;
  writeBurst(log, 30);
  const reader = await world.read({ since: String(epochSeconds + 1) });
  await until(() => reader.texts.length === 18);
  log.cut();
  await until(() => log.followers.size === 1);
  writeBurst(log, 2);
  await until(() => reader.texts.length === 20);
  expect(reader.texts).toEqual(textsOf(log).slice(12));
  const back = await world.read({ follow: false, after: reader.lines[0]?.position });
  await back.ended;
  expect(back.texts).toEqual(textsOf(log).slice(13));
});

test('a container recreated under the name may say the same in the same second', async () => {
  await using world = await startPodman();
  const { log } = world;
  const reader = await world.read();
  await until(() => log.followers.size === 1);
  log.write('banner\n', { nanos: 5 });
  await until(() => reader.texts.length === 1);
  log.stop();
  log.id = 'decade'.repeat(10);
  log.entries.length = 0;
  log.start();
  log.write('banner\n', { nanos: 9 });
  await until(() => reader.texts.length === 2);
  expect(reader.texts).toEqual(['banner', 'banner']);
});

test('a clock that goes back hides no line', async () => {
  await using world = await startPodman();
  const { log } = world;
  const reader = await world.read();
  await until(() => log.followers.size === 1);
  for (const [index, text] of numbers(0, 5).entries()) {
    log.write(`${text}\n`, { nanos: 60e9 - index * 10e9 });
    await until(() => reader.texts.length === index + 1 && log.followers.size === 1);
  }
  expect(reader.texts).toEqual(numbers(0, 5));
});

test.each(['s1:', 's1:1:1.1:1.1', 's1:1:1.1:1.zzzzzzzzzz:', 's1:1:1.1:1.1:1.zzzzzz', 's1:1:1:1:'])(
  'followLogs() after %j is BAD_REQUEST',
  async (after) => {
    await using world = await startPodman();
    await expect(world.follow('web', { after })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  },
);
