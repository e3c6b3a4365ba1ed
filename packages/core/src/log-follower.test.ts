// Every line once, in order, whatever happens meanwhile: over real sockets, on an engine that stops, cuts and starts anew.

import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { createEngine } from './docker/engine.ts';
import { until } from './docker/fake-engine.test-support.ts';
import { epochSeconds, type FakeLog, startFakeLog } from './docker/fake-log.test-support.ts';
import { AppError } from './errors.ts';
import { createLogFollower, type FollowedLine, type FollowOptions } from './log-follower.ts';
import type { Clock } from './ports.ts';
import type { VmReach } from './vm-reach.ts';

const reachAlways: VmReach['reach'] = (work, signal = new AbortController().signal) => work(signal);

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
    // One line at a time: what was asked for anew starts somewhere else each time.
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
  writeDisordered(log, 6);
  for (let cut = 1; cut < 6 * 40; cut += 1) {
    log.cutAfterBytes = cut;
    const reader = await world.read({ follow: false, tail: 'all' });
    await reader.ended;
    expect(log.cutAfterBytes).toBe(undefined);
    expect(reader.texts).toEqual(log.entries.map(({ text }) => text.trimEnd()));
  }
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

test('a followed log goes on over restarts of its container, however fast', async () => {
  await using world = await startWorld();
  const { log } = world;
  const reader = await world.read({ tail: 0 });
  await until(() => log.followers.size === 1);
  for (let round = 0; round < 3; round += 1) {
    log.write(`${round} before\n`);
    log.stop();
    log.start();
    // Written before anybody looks, half of it at the very same nanosecond on the other stream.
    log.write(`${round} at once\n`, { stream: 2 });
    log.write(`${round} as well\n`, { nanos: log.entries.at(-1)?.nanos ?? 0 });
    await until(() => reader.texts.length === round * 3 + 3);
    await until(() => log.followers.size === 1);
  }
  expect(reader.texts).toEqual(log.entries.map(({ text }) => text.trimEnd()));
});

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

test('a container that is stopped gives its tail, and what it writes once it runs', async () => {
  await using world = await startWorld();
  const { log } = world;
  log.write('old\n');
  log.stop();
  const reader = await world.read();
  await until(() => reader.texts.length === 1);
  log.start();
  log.write('new\n');
  await until(() => reader.texts.length === 2);
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

test('a log that was empty is given from its first line on, whatever the tail', async () => {
  await using world = await startWorld();
  const { log } = world;
  log.stop();
  const reader = await world.read({ tail: 1 });
  await until(() => log.queries.length === 1);
  for (const n of numbers(0, 5)) log.write(`${n}\n`);
  log.start();
  await until(() => reader.texts.length === 5);
  expect(reader.texts).toEqual(numbers(0, 5));
});

test('a run that began and ended between two looks is seen, and a container that lies still is not asked', async () => {
  await using world = await startWorld();
  const { log } = world;
  log.write('old\n');
  log.stop();
  const reader = await world.read();
  await until(() => reader.texts.length === 1);
  const looks = () => log.engine.requests.filter((line) => line.endsWith('json?all=1')).length;
  const before = looks();
  await until(() => looks() >= before + 2);
  expect(log.queries).toHaveLength(1);
  log.write('a short run\n');
  log.status = 'Exited (0) 1 second ago';
  await until(() => reader.texts.length === 2);
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
])('who reads only what is new from %s can come back to where that began', async (_, count) => {
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
    (await world.follow('web', { signal: AbortSignal.timeout(5_000) })).position,
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

test('a container made anew may write to the stream that the old one never used', async () => {
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

test('a container that was made anew under its name is followed on, one asked for by its id ends', async () => {
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
    await using world = await startWorld();
    const { log } = world;
    const reader = await world.read();
    log.write('old\n');
    await until(() => reader.texts.length === 1);
    if (how.startsWith('is seen')) log.state = 'removing';
    else log.isLogGone = true;
    const looks = () => log.engine.requests.filter((line) => line.endsWith('all=1')).length;
    const before = looks();
    for (const each of log.followers) each.end();
    await until(() => looks() === before + 2);
    Object.assign(log, { state: 'running', isLogGone: false, id: 'decade'.repeat(10) });
    log.entries.length = 0;
    log.write('new\n', { nanos: 5_000_000_000 });
    await until(() => reader.texts.length === 2);
    expect(reader.texts).toEqual(['old', 'new']);
  },
);

test('who comes back in the moment between two containers of the name is let in once there is one', async () => {
  await using world = await startWorld();
  const { log } = world;
  const reader = await world.read({ limit: 1 });
  log.write('old\n');
  await reader.ended;
  log.state = 'gone';
  const back = world.read({ after: reader.lines[0]?.position ?? '' });
  const looks = () => log.engine.requests.filter((line) => line.endsWith('all=1')).length;
  await until(() => looks() === 2);
  log.write('new\n', { nanos: 5_000_000_000 });
  log.start();
  const { texts } = await back;
  await until(() => texts.length === 1);
  expect(texts).toEqual(['new']);
});

test('a name that no container has for 30 s is NOT_FOUND', async () => {
  let now = Date.now();
  await using world = await startWorld({
    clock: { now: () => new Date(now), elapsedMs: () => now },
  });
  const reader = await world.read();
  world.log.state = 'gone';
  for (const each of world.log.followers) each.end();
  const looks = () => world.log.engine.requests.filter((line) => line.endsWith('all=1')).length;
  await until(() => looks() === 3);
  now += 30_000;
  await expect(reader.ended).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: "No container named 'web' on oci-flex",
    details: { name: 'web' },
  });
});

test('followLogs() of a name that no container has is NOT_FOUND', async () => {
  await using world = await startWorld();
  await expect(world.follow('nope')).rejects.toMatchObject({ code: 'NOT_FOUND' });
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

test('an outage is endured for five minutes, then its reason is told', async () => {
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
  await until(() => asked === 2);
  now += 4 * 60_000;
  isAway = false;
  await until(() => log.followers.size === 1);
  log.write('back\n');
  await until(() => reader.texts.length === 1);
  isAway = true;
  log.cut();
  await until(() => asked === 4);
  now += 5 * 60_000;
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
  await until(() => world.log.followers.size === 0, 1000);
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
    await until(() => log.followers.size === 0, 1000);
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
  await until(() => log.followers.size === 0, 1000);
});

interface WorldOptions {
  readonly reach?: VmReach['reach'];
  readonly clock?: Clock;
}

interface ReadOptions extends FollowOptions {
  readonly name?: string;
  /** Leaves after so many lines. */
  readonly limit?: number;
}

async function startWorld({ reach = reachAlways, clock = systemClock }: WorldOptions = {}) {
  const log = await startFakeLog();
  const engine = createEngine(log.engine);
  const follow = createLogFollower({
    engine,
    reach,
    clock,
    find: async (name, { signal }) => {
      const all = await reach((reaching) => engine.list({ signal: reaching }), signal);
      const found = all.find((each) => each.name === name || each.id.startsWith(name));
      if (found === undefined) throw new AppError('NOT_FOUND', 'not there');
      return found;
    },
  });

  return {
    log,
    follow,
    async read({ name = 'web', limit = Number.POSITIVE_INFINITY, ...options }: ReadOptions = {}) {
      const answer = await follow(name, options);
      const lines: FollowedLine[] = [];
      const texts: string[] = [];
      const ended = (async () => {
        for await (const batch of answer) {
          for (const line of batch) {
            if (lines.length === limit) return;
            lines.push(line);
            texts.push(line.line);
          }
          if (lines.length === limit) return;
        }
      })();
      ended.catch(() => {}); // looked at by those tests that expect it
      return { lines, texts, ended };
    },
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await log[Symbol.asyncDispose]();
    },
  };
}

/** Both streams by turns, in the engine's order: across the two, times go back now and then. */
function writeDisordered(log: FakeLog, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const stream = n % 3 === 1 ? 2 : 1;
    log.write(`${n}\n`, { stream, nanos: n * 1000 + (stream === 2 ? 0 : 2500) });
  }
}

function numbers(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, n) => String(from + n));
}
