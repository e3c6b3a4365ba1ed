import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as immediately, setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { keepCollectingGarbage } from '../testing/collect-garbage.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';
import { LockTimeout, withFileLock } from './file-lock.ts';
import { createLockOwner } from './lock-owner.ts';

const { signal } = new AbortController();
/** Above what any system gives: https://man7.org/linux/man-pages/man5/proc_sys_kernel.5.html */
const deadPid = 2 ** 30;

test('of many that want the lock, one at a time has it, also when a dead process left one behind', async () => {
  const clock = fakeTimeouts();
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'lock');
  let inside = 0;
  let most = 0;
  for (let round = 0; round < 15; round += 1) {
    await leaveBehind(path);
    const turns = Array.from({ length: 4 }, async (_, index) => {
      // Out of step, so that some judge the lock while others take it away.
      for (let tick = 0; tick < index * 3; tick += 1) await immediately();
      const { signal } = new AbortController();
      await withFileLock({ path, signal, waitMs: Number.POSITIVE_INFINITY }, async () => {
        inside += 1;
        most = Math.max(most, inside);
        for (let tick = 0; tick < 20; tick += 1) await immediately();
        inside -= 1;
      });
    });
    let isOver = false;
    const all = Promise.all(turns).finally(() => {
      isOver = true;
    });
    while (!isOver) await clock.pass(50);
    await all;
  }
  expect(most).toBe(1);
  expect(await readdir(folder.path)).toEqual([]);
});

test.each([
  ['a living process', {}],
  ['a process of another machine', { pid: deadPid, host: 'elsewhere' }],
  ['a process of another container', { pid: deadPid, pidNamespace: 'pid:[1]' }],
])('a lock of %s is waited for, and who holds it is told after a second', async (_what, change) => {
  const clock = fakeTimeouts();
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'lock');
  const owner = { ...createLockOwner(), ...change };
  await writeFile(path, JSON.stringify(owner));
  const told: unknown[] = [];
  const onWait = (holder: unknown) => told.push(holder);
  const waiting = withFileLock({ path, signal, waitMs: 1_300, onWait }, async () => 'work');
  const rejected = expect(waiting).rejects.toMatchObject({ owner });
  for (let waitedMs = 0; waitedMs < 1_300; waitedMs += 50) {
    await clock.untilDueIn(50);
    expect(told).toEqual(waitedMs < 1_000 ? [] : [owner]);
    await clock.pass(50);
  }
  await rejected;
  expect(told).toEqual([owner]);
});

test('a process that died while it took a stale lock away is no hindrance either', async () => {
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'lock');
  await leaveBehind(path);
  await leaveBehind(`${path}.takeover`);
  expect(await withFileLock({ path, signal }, async () => 'work')).toBe('work');
  expect(await readdir(folder.path)).toEqual([]);
});

test('a lock that is held is waited for, but not for ever', async () => {
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'lock');
  await writeFile(path, 'other');
  const waiting = withFileLock({ path, signal, waitMs: 100 }, async () => 'work');
  await expect(waiting).rejects.toThrow(LockTimeout);
  expect(await readFile(path, 'utf8')).toBe('other');
});

test('the wait ends when it is aborted', async () => {
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'lock');
  await writeFile(path, 'other');
  const waiting = withFileLock({ path, signal: AbortSignal.timeout(20) }, async () => 'work');
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
});

test('work that fails gives the lock back', async () => {
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'lock');
  const failing = withFileLock({ path, signal }, () => Promise.reject(new Error('no')));
  await expect(failing).rejects.toThrow('no');
  expect(await readdir(folder.path)).toEqual([]);
});

test('work that takes too long is told to end, garbage collected or not', async () => {
  await using folder = await makeTemporaryFolder();
  using _collecting = keepCollectingGarbage();
  const path = join(folder.path, 'lock');
  const working = withFileLock({ path, signal, workMs: 200 }, (held) =>
    sleep(10_000, undefined, { signal: held.signal }),
  );
  await expect(working).rejects.toMatchObject({ name: 'AbortError' });
});

test('a process that lost its lock learns of it, and leaves that of the other alone', async () => {
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'lock');
  const working = withFileLock({ path, signal }, async (held) => {
    await held.confirm();
    await writeFile(path, 'other');
    await held.confirm();
  });
  await expect(working).rejects.toThrow('The lock was lost');
  expect(await readFile(path, 'utf8')).toBe('other');
});

test('a lock from the future is stale too', async () => {
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'lock');
  await leaveBehind(path, 3_600_000);
  expect(await withFileLock({ path, signal }, async () => 'work')).toBe('work');
});

test('a lock whose process is dead is taken at once, however fresh it is', async () => {
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'lock');
  await writeFile(path, JSON.stringify({ ...createLockOwner(), pid: deadPid }));
  await writeFile(`${path}.takeover`, JSON.stringify({ ...createLockOwner(), pid: deadPid }));
  expect(await withFileLock({ path, signal, waitMs: 2_000 }, async () => 'work')).toBe('work');
  expect(await readdir(folder.path)).toEqual([]);
});

test('work goes on for a while after the user stops, and is told to end then', async () => {
  await using folder = await makeTemporaryFolder();
  const path = join(folder.path, 'lock');
  const stopping = new AbortController();
  const working = withFileLock({ path, signal: stopping.signal, graceMs: 200 }, async (held) => {
    stopping.abort();
    expect(held.signal.aborted).toBe(false);
    await sleep(10_000, undefined, { signal: held.signal });
  });
  await expect(working).rejects.toMatchObject({ name: 'AbortError' });
  expect(await readdir(folder.path)).toEqual([]);
});

async function leaveBehind(path: string, offsetMs = -3_600_000): Promise<void> {
  await writeFile(path, 'dead');
  const when = new Date(Date.now() + offsetMs);
  await utimes(path, when, when);
}
