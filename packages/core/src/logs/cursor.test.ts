// Where a log is begun and gone on with: every line once, whatever the place, the tail and the cuts; over real sockets.

import { expect, test } from 'vitest';
import { entryBytes } from '../docker/logs/tail.ts';
import { epochSeconds } from '../testing/fake-log.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { numbers, startWorld, writeDisordered } from '../testing/log-follower.test-support.ts';
import { until } from '../testing/until.test-support.ts';
import type { FollowedLine } from './follower.ts';

test('a reader who comes back with the position of any line gets exactly those after it', async () => {
  await using world = await startWorld();
  writeDisordered(world.log, 24);
  const all = await world.read({ follow: false, tail: 'all' });
  await all.ended;
  expect(all.texts).toHaveLength(24);
  for (const [index, { position }] of all.lines.entries()) {
    const rest = await world.read({ follow: false, after: position, tail: 3, since: '1h' });
    await rest.ended;
    expect(rest.lines).toEqual(all.lines.slice(index + 1));
  }
});

test.each(['all', 7] as const)(
  'a tail of %s that is cut after every line is given once',
  async (tail) => {
    await using world = await startWorld();
    writeDisordered(world.log, 24);
    const whole = await world.read({ follow: false, tail });
    await whole.ended;
    // One line at a time: what was asked for again starts somewhere else each time.
    const got: FollowedLine[] = [];
    let after: string | undefined;
    for (;;) {
      const reader = await world.read({ follow: false, tail, after, limit: 1 });
      await reader.ended;
      const [line] = reader.lines;
      if (line === undefined) break;
      got.push(line);
      after = line.position;
    }
    expect(got).toEqual(whole.lines);
  },
);

test('a log that is cut at any byte goes on by itself, with every line once', async () => {
  await using world = await startWorld();
  const { log } = world;
  writeDisordered(log, 3);
  for (let cut = 1; cut < 3 * 40; cut += 1) {
    log.cutAfterBytes = cut;
    const reader = await world.read({ follow: false, tail: 'all' });
    await reader.ended;
    expect(log.cutAfterBytes).toBe(undefined);
    expect(reader.texts).toEqual(log.entries.map(({ text }) => text.trimEnd()));
  }
});

test.each([3, 66])(
  'a line in %i parts that takes its time while the other stream writes is given whole, whatever the cuts',
  async (parts) => {
    await using world = await startWorld();
    const { log } = world;
    log.write('out\n', { nanos: 5 });
    for (let n = 0; n < parts; n += 1) {
      log.write('x'.repeat(entryBytes), { nanos: 2e9 });
      log.write(`${n}\n`, { stream: 2, nanos: (3 + n) * 1e9 });
    }
    const reader = await world.read({ tail: 'all' });
    const pieces = Math.floor(parts / 65); // of a mebibyte
    await until(() => reader.texts.length === 1 + parts + pieces);
    log.cut();
    await until(() => log.followers.size === 1);
    log.write('the end\n', { nanos: 2e9 });
    log.write('next\n', { stream: 2, nanos: 1000e9 });
    await until(() => reader.texts.includes('next'));
    const xs = (texts: readonly string[]) => texts.filter((text) => text.startsWith('x')).join('');
    const others = (texts: readonly string[]) => texts.filter((text) => !text.startsWith('x'));
    const whole = xs(reader.texts);
    expect(whole === `${'x'.repeat(parts * entryBytes)}the end`).toBe(true);
    expect(others(reader.texts)).toEqual(['out', ...numbers(0, parts), 'next']);
    for (const [index, { position }] of reader.lines.entries()) {
      const rest = await world.read({ follow: false, after: position });
      await rest.ended;
      const got = [...reader.texts.slice(0, index + 1), ...rest.texts];
      expect(others(got)).toEqual(others(reader.texts));
      expect(xs(got) === whole, position).toBe(true);
    }
  },
);

test('lines of one and the same nanosecond are given once each', async () => {
  await using world = await startWorld();
  const { log } = world;
  for (const n of numbers(0, 6)) log.write(`${n}\n`, { nanos: 5 });
  const all = await world.read({ follow: false });
  await all.ended;
  for (const [index, { position }] of all.lines.entries()) {
    const rest = await world.read({ follow: false, after: position });
    await rest.ended;
    expect(rest.texts).toEqual(numbers(index + 1, 6));
  }
});

test('a log that was empty is given from its first line on, whatever the tail', async () => {
  const clock = fakeTimeouts();
  await using world = await startWorld();
  const { log } = world;
  log.stop();
  const reader = await world.read({ tail: 1 });
  await until(() => log.queries.length === 1);
  for (const n of numbers(0, 5)) log.write(`${n}\n`);
  log.start();
  await clock.passEach(1000, () => reader.texts.length === 5);
  expect(reader.texts).toEqual(numbers(0, 5));
});

test('tail 0 gives nothing old, also when it is cut before anything came', async () => {
  await using world = await startWorld();
  const { log } = world;
  log.write('old\n');
  log.write('old as well\n', { stream: 2 });
  const reader = await world.read({ tail: 0 });
  await until(() => log.followers.size === 1);
  log.writeUnseen('new\n');
  log.cut();
  await until(() => reader.texts.length > 0);
  expect(reader.texts).toEqual(['new']);
});

test.each([
  ['an empty log', 0],
  ['a log', 3],
])('a reader of only new lines from %s can resume where it began', async (_, count) => {
  await using world = await startWorld();
  for (const n of numbers(0, count)) world.log.write(`${n}\n`);
  const leaving = new AbortController();
  const { position } = await world.follow('web', { tail: 0, signal: leaving.signal });
  leaving.abort();
  world.log.write('new\n');
  world.log.write('new as well\n', { stream: 2 });
  const back = await world.read({ tail: 0, follow: false, after: position });
  await back.ended;
  expect(back.texts).toEqual(['new', 'new as well']);
  expect(
    (await world.follow('web', { signal: AbortSignal.timeout(60_000) })).position,
  ).toBeUndefined();
});

test('tail 0 gives the first line of either stream, also when the other one was the last to write', async () => {
  await using world = await startWorld();
  const { log } = world;
  log.write('old\n');
  const reader = await world.read({ tail: 0 });
  await until(() => log.followers.size === 1);
  log.write('new\n', { stream: 2 });
  await until(() => reader.texts.length > 0);
  expect(reader.texts).toEqual(['new']);
});

test('older lines of a stream that the tail did not hold do not come in later', async () => {
  await using world = await startWorld();
  const { log } = world;
  for (const n of numbers(0, 3)) log.write(`${n} err\n`, { stream: 2 });
  for (const n of numbers(0, 3)) log.write(`${n}\n`);
  const reader = await world.read({ tail: 2 });
  await until(() => reader.texts.length === 2);
  log.cut();
  await until(() => log.followers.size === 1);
  log.write('new err\n', { stream: 2 });
  await until(() => reader.texts.length === 3);
  expect(reader.texts).toEqual(['1', '2', 'new err']);
  const again = await world.read({ follow: false, after: reader.lines[0]?.position });
  await again.ended;
  expect(again.texts).toEqual(['2', 'new err']);
});

test('since gives all lines from then on, and no older ones after a cut', async () => {
  await using world = await startWorld();
  const { log } = world;
  for (const n of numbers(0, 200)) log.write(`${n}\n`, { stream: 2 });
  const reader = await world.read({ since: `${epochSeconds}.041` });
  await until(() => reader.texts.length === 160);
  log.write('out\n');
  log.cut();
  await until(() => reader.texts.length === 161 && log.followers.size === 1);
  expect(reader.texts).toEqual([...numbers(40, 200), 'out']);
});

test.each(
  [
    [
      '',
      'garbage',
      'l1:::toyhgk.g3yh9x',
      'l1:1.zzzzzz::',
      'l1:1.1::\n',
      'l2:1.1::',
      `l1:${'1'.repeat(200)}`,
    ],
  ].flat(),
)('followLogs() after %j is BAD_REQUEST', async (after) => {
  await using world = await startWorld();
  await expect(world.follow('web', { after })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
    details: { issues: [{ path: 'lastEventId', message: expect.any(String) }] },
  });
  expect(world.log.engine.requests).toEqual([]);
});
