// What readers at the same time share, and what they never share with an action.

import { expect, onTestFinished, test, vi } from 'vitest';
import type { EngineContainer } from '../adapter-ports.ts';
import {
  blocked,
  dbId,
  inspection,
  sample,
  setUp,
  toEngineContainer,
  webId,
} from '../testing/containers.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { until } from '../testing/until.test-support.ts';

test('inspect() and stats() are asked for by id, once for all who ask at the same time', async () => {
  const { containers, calls } = setUp();
  // A pause of this process between the two searches would part the readers.
  const stopped = vi.spyOn(performance, 'now').mockReturnValue(0);
  onTestFinished(() => stopped.mockRestore());
  const [first, second, ...samples] = await Promise.all([
    containers.inspect('aa22'),
    containers.inspect('db'),
    containers.stats('db'),
    containers.stats('aa22'),
  ]);
  expect(first).toEqual({ ...inspection, id: dbId });
  expect(second).toBe(first);
  expect(samples).toEqual([
    { ...sample, container: dbId },
    { ...sample, container: dbId },
  ]);
  expect(calls.sort()).toEqual([`inspect ${dbId}`, 'list', 'list', `stats ${dbId}`]);
});

test('a thousand readers at once cost one list, one search for each name, and one log for each number of lines', async () => {
  const { containers, calls } = setUp();
  await Promise.all(
    Array.from({ length: 1000 }, (_, n) => {
      if (n % 4 === 0) return containers.status('web');
      if (n % 4 === 1) return containers.logs('web', { lines: 5 });
      return n % 4 === 2 ? containers.logs('web', { lines: 6 }) : containers.list();
    }),
  );
  expect(calls.sort()).toEqual(['list', 'list', `logs ${webId} 5`, `logs ${webId} 6`]);
});

test('readers who come while the connection is being made join the call that waits for it, until that is sent', async () => {
  const { containers, engine } = setUp({ connected: false });
  const waiting: { send(): void; answer(list: EngineContainer[]): void }[] = [];
  engine.list = ({ onSend: send = () => {} } = {}) =>
    new Promise((answer) => waiting.push({ send, answer }));
  const before = [containers.list()];
  await until(() => waiting.length === 1);
  before.push(containers.list());
  await new Promise(setImmediate);
  before.push(containers.list());
  waiting[0]?.send();
  const after = containers.list();
  waiting[0]?.answer([toEngineContainer(webId, 'web')]);
  expect((await Promise.all(before)).map((list) => list.length)).toEqual([1, 1, 1]);
  await until(() => waiting.length === 2);
  waiting[1]?.answer([]);
  expect(await after).toEqual([]);
});

test('a reader who leaves stops the call only when no other waits for it', async () => {
  const { containers, engine } = setUp();
  let signal: AbortSignal | undefined;
  let answer = (_list: EngineContainer[]) => {};
  engine.list = (options) => {
    signal = options?.signal;
    return new Promise((resolve) => {
      answer = resolve;
    });
  };
  const first = new AbortController();
  const gone = new Error('left');
  const leaving = containers.list({ signal: first.signal });
  const staying = containers.list();
  await until(() => signal !== undefined);
  first.abort(gone);
  await expect(leaving).rejects.toBe(gone);
  expect(signal?.aborted).toBe(false);
  answer([]);
  await expect(staying).resolves.toEqual([]);
});

test('a read that begins after an action joins no read that began during it', async () => {
  const clock = fakeTimeouts();
  const { containers, engine, calls } = setUp();
  let end = () => {};
  engine.stop = async () => {
    calls.push('stop');
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    return { changed: true };
  };
  const stopping = containers.stop('web');
  await until(() => calls.includes('stop'));
  const release = blocked(engine, calls);
  const during = containers.list();
  await until(() => calls.filter((call) => call === 'list').length === 2);
  end();
  await stopping;
  const after = containers.list();
  await clock.passEach(2000, () => calls.filter((call) => call === 'list').length === 3);
  expect(await after).toHaveLength(4);
  release();
  await expect(during).resolves.toEqual([]);
});
