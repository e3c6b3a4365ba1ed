// Every line once, in order, whatever happens meanwhile: over real sockets, while the connection and the VM fail and readers leave.

import { expect, test } from 'vitest';
import { AppError } from '../app-error.ts';
import { epochSeconds } from '../testing/fake-log.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { numbers, reachAlways, startWorld } from '../testing/log-follower.test-support.ts';
import { until } from '../testing/until.test-support.ts';

test('followLogs() gives the last 100 lines and then what comes, each with a position', async () => {
  await using world = await startWorld();
  const { log } = world;
  for (let n = 0; n < 150; n += 1) log.write(`${n}\n`);
  const reader = await world.read();
  await until(() => reader.texts.length === 100);
  log.write('new\n', { stream: 2 });
  await until(() => reader.texts.length === 101);
  expect(reader.texts).toEqual([...numbers(50, 150), 'new']);
  expect(reader.lines.at(-1)).toMatchObject({
    stream: 'stderr',
    at: { seconds: epochSeconds, nanos: 151_000_000 },
    position: expect.stringMatching(/^[a-z0-9.:]{1,128}$/),
  });
});

test('followLogs() without following ends at the end of the log', async () => {
  await using world = await startWorld();
  for (const n of numbers(0, 5)) world.log.write(`${n}\n`);
  const reader = await world.read({ follow: false, tail: 2 });
  await reader.ended;
  expect(reader.texts).toEqual(['3', '4']);
});

test('a followed log goes on after a lost connection, with what was written meanwhile', async () => {
  await using world = await startWorld();
  const { log } = world;
  const reader = await world.read();
  for (let round = 0; round < 5; round += 1) {
    log.write(`${round} before\n`);
    await until(() => reader.texts.length === round * 3 + 1);
    log.writeUnseen(`${round} lost\n`, { stream: 2 });
    log.cut();
    await until(() => log.followers.size === 1);
    log.write(`${round} after\n`);
    await until(() => reader.texts.length === round * 3 + 3);
  }
  expect(reader.texts).toEqual(log.entries.map(({ text }) => text.trimEnd()));
});

test('followLogs() of a name that no container has is NOT_FOUND', async () => {
  await using world = await startWorld();
  await expect(world.follow('nope')).rejects.toMatchObject({ code: 'NOT_FOUND' });
});

test.each(['STOPPED', 'STOPPING', 'TERMINATED'])(
  'a VM that is %s ends the log with the reason',
  async (lifecycleState) => {
    const off = new AppError('SERVICE_UNAVAILABLE', 'off', { details: { lifecycleState } });
    let isOff = false;
    await using world = await startWorld({
      reach: (work, signal) => (isOff ? Promise.reject(off) : reachAlways(work, signal)),
    });
    const reader = await world.read();
    isOff = true;
    world.log.cut();
    await expect(reader.ended).rejects.toBe(off);
    await expect(world.follow('web')).rejects.toBe(off);
  },
);

test('an unreachable VM is waited for for five minutes, then the reason is reported', async () => {
  const clock = fakeTimeouts();
  const away = new AppError('SERVICE_UNAVAILABLE', 'away');
  let isAway = false;
  let now = Date.now();
  let asked = 0;
  await using world = await startWorld({
    clock: { now: () => new Date(now), elapsedMs: () => now },
    reach: (work, signal) => {
      if (!isAway) return reachAlways(work, signal);
      asked += 1;
      return Promise.reject(away);
    },
  });
  const { log } = world;
  const reader = await world.read();
  isAway = true;
  log.cut();
  await clock.passEach(0, () => asked === 1);
  await clock.passEach(250, () => asked === 2);
  now += 4 * 60_000;
  isAway = false;
  await clock.passEach(500, () => log.followers.size === 1);
  log.write('back\n');
  await until(() => reader.texts.length === 1);
  isAway = true;
  log.cut();
  await clock.passEach(0, () => asked === 3);
  await clock.passEach(250, () => asked === 4);
  now += 5 * 60_000;
  await clock.passEach(500, () => asked === 5);
  await expect(reader.ended).rejects.toBe(away);
});

test("the caller's abort ends a log that says nothing with the caller's reason, and closes its channel", async () => {
  await using world = await startWorld();
  const caller = new AbortController();
  const reader = await world.read({ signal: caller.signal });
  await until(() => world.log.followers.size === 1);
  const gone = new Error('the caller left');
  caller.abort(gone);
  await expect(reader.ended).rejects.toBe(gone);
  await until(() => world.log.followers.size === 0);
});

test.each(['reads', 'waits for a line', 'has not begun to read', 'waits for the container'])(
  'a reader that leaves while it %s closes the channel at once',
  async (when) => {
    await using world = await startWorld();
    const { log } = world;
    log.write('one\n');
    const lines = await world.follow('web');
    const iterator = lines[Symbol.asyncIterator]();
    if (when !== 'has not begun to read') await iterator.next();
    const waiting = when.startsWith('waits') ? iterator.next() : undefined;
    if (when === 'waits for the container') log.stop();
    await until(() => log.followers.size === (when === 'waits for the container' ? 0 : 1));
    await iterator.return?.();
    expect(await waiting).toEqual(waiting && { done: true, value: undefined });
    await until(() => log.followers.size === 0);
    await until(() => log.engine.sockets.size <= 1);
  },
);

test('what a slow reader does not read stays with the engine', async () => {
  await using world = await startWorld();
  const { log } = world;
  const lines = await world.follow('web');
  const [follower] = log.followers;
  const text = `${'x'.repeat(1000)}\n`;
  // Until the engine's own socket is full.
  await until(() => {
    for (let n = 0; n < 100; n += 1) log.write(text);
    return (follower?.writableLength ?? 0) > 1_000_000;
  });
  let bytes = 0;
  for await (const batch of lines) {
    bytes += batch.reduce((sum, { line }) => sum + line.length + 1, 0);
    expect(batch.length).toBeLessThan(300);
    if (bytes > 500_000) break;
  }
  await until(() => log.followers.size === 0);
});
