// A followed log while its container stops, starts, is made again or is gone: over real sockets, on an engine that does all of that.

import { expect, test } from 'vitest';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { numbers, startWorld } from '../testing/log-follower.test-support.ts';
import { until } from '../testing/until.test-support.ts';

/** Between two looks at a container that does not run. */
const pollMs = 1000;

test('a followed log goes on over restarts of its container, however fast', async () => {
  await using world = await startWorld();
  const { log } = world;
  const reader = await world.read({ tail: 0 });
  await until(() => log.followers.size === 1);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    log.write(`${attempt} before\n`);
    log.stop();
    log.start();
    // Written before anybody looks, half of it at the very same nanosecond on the other stream.
    log.write(`${attempt} at once\n`, { stream: 2 });
    log.write(`${attempt} as well\n`, { nanos: log.entries.at(-1)?.nanos ?? 0 });
    await until(() => reader.texts.length === attempt * 3 + 3);
    await until(() => log.followers.size === 1);
  }
  expect(reader.texts).toEqual(log.entries.map(({ text }) => text.trimEnd()));
});

test('a TTY whose runs end without a newline gives every line once, live, resumed and anew', async () => {
  const clock = fakeTimeouts();
  await using world = await startWorld();
  const { log } = world;
  log.tty = true;
  log.write('Ready\r\n');
  const reader = await world.read();
  await until(() => reader.texts.length === 1);
  log.write('> ');
  log.stop();
  await until(() => reader.texts.length === 2);
  log.start();
  log.write('Starting server\r\n');
  log.write('Done\r\n');
  const expected = ['Ready', '> ', 'Starting server', 'Done'];
  await clock.passEach(pollMs, () => reader.texts.length === expected.length);
  for (const [index, after] of [
    undefined,
    ...reader.lines.map((each) => each.position),
  ].entries()) {
    const back = await world.read({ follow: false, after });
    await back.ended;
    expect(back.texts).toEqual(expected.slice(index));
  }
  expect(reader.texts).toEqual(expected);
});

test('a container that is stopped gives its tail, and what it writes once it runs', async () => {
  const clock = fakeTimeouts();
  await using world = await startWorld();
  const { log } = world;
  log.write('old\n');
  log.stop();
  const reader = await world.read();
  await until(() => reader.texts.length === 1);
  log.start();
  log.write('new\n');
  await clock.passEach(pollMs, () => reader.texts.length === 2);
  expect(reader.texts).toEqual(['old', 'new']);
});

test('the tail of a container that is stopped is asked for again when it was cut', async () => {
  await using world = await startWorld();
  const { log } = world;
  for (const n of numbers(0, 3)) log.write(`${n}\n`);
  log.stop();
  log.cutAfterBytes = 60;
  const reader = await world.read();
  await until(() => reader.texts.length === 3);
  expect(reader.texts).toEqual(numbers(0, 3));
});

test('a run that began and ended between two polls is seen, and a stopped container is not asked', async () => {
  const clock = fakeTimeouts();
  await using world = await startWorld();
  const { log } = world;
  log.write('old\n');
  log.stop();
  const reader = await world.read();
  await until(() => reader.texts.length === 1);
  const attempts = () => log.engine.requests.filter((line) => line.endsWith('json?all=1')).length;
  const before = attempts();
  await clock.passEach(pollMs, () => attempts() === before + 2);
  expect(log.queries).toHaveLength(1);
  log.write('a short run\n');
  log.status = 'Exited (0) 1 second ago';
  await clock.passEach(pollMs, () => reader.texts.length === 2);
});

test('a container made again may write to the stream that the old one never used', async () => {
  await using world = await startWorld();
  const { log } = world;
  log.write('banner\n');
  const reader = await world.read();
  await until(() => reader.texts.length === 1);
  log.stop();
  log.id = 'decade'.repeat(10);
  log.entries.length = 0;
  log.start();
  log.write('new\n', { stream: 2, nanos: 60e9 });
  await until(() => reader.texts.length === 2);
});

test('a container made again gives its first lines at once, on whichever stream', async () => {
  await using world = await startWorld();
  const { log } = world;
  log.write('old\n');
  const reader = await world.read();
  await until(() => reader.texts.length === 1);
  log.stop();
  log.id = 'decade'.repeat(10);
  log.entries.length = 0;
  log.start();
  log.write('error\n', { stream: 2, nanos: 1e9 });
  log.write('new\n', { nanos: 1.1e9 });
  await until(() => reader.texts.includes('new'));
  expect(reader.texts).toEqual(['old', 'error', 'new']);
});

test('a container that was made again under its name is followed on, one asked for by its id ends', async () => {
  await using world = await startWorld();
  const { log } = world;
  const byName = await world.read();
  const byId = await world.read({ name: log.id.slice(0, 12) });
  log.write('old\n');
  await until(() => byName.texts.length === 1 && byId.texts.length === 1);
  log.stop();
  log.id = 'decade'.repeat(10);
  log.entries.length = 0;
  log.start();
  log.write('new\n', { nanos: 5_000_000_000 });
  await until(() => byName.texts.length === 2);
  expect(byName.texts).toEqual(['old', 'new']);
  await byId.ended;
  expect(byId.texts).toEqual(['old']);
});

test.each(['is seen to be on its way out', 'loses its log before that is seen'])(
  'a container that is removed while it runs and %s is followed on when its name is back',
  async (how) => {
    const clock = fakeTimeouts();
    await using world = await startWorld();
    const { log } = world;
    const reader = await world.read();
    log.write('old\n');
    await until(() => reader.texts.length === 1);
    if (how.startsWith('is seen')) log.state = 'removing';
    else log.isLogGone = true;
    const attempts = () => log.engine.requests.filter((line) => line.endsWith('all=1')).length;
    const before = attempts();
    for (const each of log.followers) each.end();
    await clock.passEach(pollMs, () => attempts() === before + 2);
    Object.assign(log, { state: 'running', isLogGone: false, id: 'decade'.repeat(10) });
    log.entries.length = 0;
    log.write('new\n', { nanos: 5_000_000_000 });
    await clock.passEach(pollMs, () => reader.texts.length === 2);
    expect(reader.texts).toEqual(['old', 'new']);
  },
);

test('a reader that resumes between two containers of the name is answered once there is one', async () => {
  const clock = fakeTimeouts();
  await using world = await startWorld();
  const { log } = world;
  const reader = await world.read({ limit: 1 });
  log.write('old\n');
  await reader.ended;
  log.state = 'gone';
  const back = world.read({ after: reader.lines[0]?.position ?? '' });
  const attempts = () => log.engine.requests.filter((line) => line.endsWith('all=1')).length;
  await clock.passEach(pollMs, () => attempts() === 2);
  log.write('new\n', { nanos: 5_000_000_000 });
  log.start();
  await clock.passEach(pollMs, () => attempts() === 3);
  const { texts } = await back;
  await until(() => texts.length === 1);
  expect(texts).toEqual(['new']);
});

test('a name that no container has for 30 s is NOT_FOUND', async () => {
  const clock = fakeTimeouts();
  let now = Date.now();
  await using world = await startWorld({
    clock: { now: () => new Date(now), elapsedMs: () => now },
  });
  const reader = await world.read();
  let isOver = false;
  reader.ended.catch(() => {
    isOver = true;
  });
  world.log.state = 'gone';
  for (const each of world.log.followers) each.end();
  const attempts = () => world.log.engine.requests.filter((line) => line.endsWith('all=1')).length;
  await clock.passEach(pollMs, () => attempts() === 3);
  now += 30_000;
  await clock.passEach(pollMs, () => isOver);
  await expect(reader.ended).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: "No container named 'web' on oci-flex",
    details: { name: 'web' },
  });
});
