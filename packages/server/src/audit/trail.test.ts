import { describe, expect, test } from 'vitest';
import type { AuditEntry } from './entry.ts';
import type { AuditFile } from './file.ts';
import { type AuditTrailOptions, createAuditTrail, maxKept } from './trail.ts';

function entry(requestId: string): AuditEntry {
  return {
    time: '2026-02-08T10:15:31.000Z',
    sub: 'diego',
    clientId: 'ondemand-cli',
    ip: '192.0.2.7',
    action: 'vm_start',
    target: 'oci-flex',
    outcome: 'success',
    status: 200,
    durationMs: 12.3,
    requestId,
  };
}

const idsOf = (entries: readonly AuditEntry[]) => entries.map(({ requestId }) => requestId);

/** A file in memory that fails while it is told to. */
function startTrail(options: Pick<AuditTrailOptions, 'onFailure' | 'maxRefusalsPerMinute'> = {}) {
  const state = { isFull: false, content: '', writes: 0 };
  const refuse = () => {
    if (state.isFull) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  };
  const file: AuditFile = {
    async append(lines) {
      await Promise.resolve();
      refuse();
      state.writes += 1;
      state.content += lines;
    },
    async check() {
      refuse();
    },
    async *readBackwards() {
      refuse();
      yield* state.content.trimEnd().split('\n').reverse();
    },
  };
  const logged: AuditEntry[] = [];
  const failures: number[] = [];
  const trail = createAuditTrail({
    log: (line) => logged.push(line),
    logFailure: (_error, waitingLines) => failures.push(waitingLines),
    file,
    ...options,
  });
  const intend = (requestId: string) =>
    trail.intend({ ...entry(requestId), outcome: 'intent' }, { isPowerOff: false });
  const written = () =>
    state.content
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditEntry); // lines that this trail wrote
  return { state, trail, logged, failures, written, intend };
}

describe('with a file', () => {
  test('each line is in the log and in the file once record() resolves, in order', async () => {
    const { trail, logged, written } = startTrail();
    await trail.record(entry('1'));
    expect(written()).toEqual([entry('1')]);
    await Promise.all(['2', '3', '4'].map((id) => trail.record(entry(id))));
    expect(idsOf(written())).toEqual(['1', '2', '3', '4']);
    expect(idsOf(logged)).toEqual(['1', '2', '3', '4']);
    expect(idsOf(await trail.list(3))).toEqual(['4', '3', '2']);
  });

  test('a line that cannot be written is told, nothing may change until it is, and then it comes first', async () => {
    const { state, trail, logged, failures, written, intend } = startTrail();
    state.isFull = true;
    await trail.record(entry('1'));
    expect(failures).toEqual([1]);
    await expect(intend('2')).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      details: { reason: 'AUDIT_LOG_UNAVAILABLE' },
    });
    await trail.record(entry('3'));
    expect(written()).toEqual([]);
    expect(idsOf(logged)).toEqual(['1', '2', '3']);
    state.isFull = false;
    await intend('4');
    expect(idsOf(written())).toEqual(['1', '2', '3', '4']);
  });

  test('nothing may change when the file would not take the line, even before it was tried', async () => {
    const { state, intend } = startTrail();
    state.isFull = true;
    for (let times = 0; times < 3; times += 1)
      await expect(intend('1')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    state.isFull = false;
    await intend('2');
  });

  test('isWritable() tells that the file takes no lines, says so no further in the log, and has those that wait written', async () => {
    const { state, trail, failures, written, intend } = startTrail();
    expect(await trail.isWritable()).toBe(true);
    state.isFull = true;
    expect(await trail.isWritable()).toBe(false);
    await expect(intend('one')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(await trail.isWritable()).toBe(false);
    expect(failures).toEqual([1]);
    state.isFull = false;
    expect(await trail.isWritable()).toBe(true);
    expect(idsOf(written())).toEqual(['one']);
  });

  test('power-off goes on with the log alone, and everything does where that is wanted', async () => {
    for (const [onFailure, isPowerOff] of [
      ['refuse', true],
      ['log', false],
      ['log', true],
    ] as const) {
      const { state, trail, logged, written } = startTrail({ onFailure });
      state.isFull = true;
      await trail.intend({ ...entry('1'), outcome: 'intent' }, { isPowerOff });
      await trail.record(entry('1'));
      expect(logged.map(({ outcome }) => outcome)).toEqual(['intent', 'success']);
      expect(written()).toEqual([]);
    }
  });

  test('the refusals of a subject have so many lines in a minute, the others are counted in one', async () => {
    const { trail, written } = startTrail({ maxRefusalsPerMinute: 2 });
    const refuse = (requestId: string, sub: string) =>
      trail.record({ ...entry(requestId), sub, outcome: 'refused', status: 403 });
    for (let id = 0; id < 100; id += 1) await refuse(`r${id}`, 'reader');
    await refuse('o0', 'other');
    await trail.record(entry('s0'));
    const refused = { ...entry('i0'), sub: 'reader', outcome: 'refused' } as const;
    await trail.record(refused, { isIntended: true });
    expect(idsOf(written())).toEqual(['r0', 'r1', 'o0', 's0', 'i0']);
    await trail.settled();
    expect(written().at(-1)).toMatchObject({ sub: 'reader', outcome: 'refused', count: 98 });
    await refuse('r100', 'reader');
    expect(written().at(-1)).toMatchObject({ requestId: 'r100' });
  });

  test('what waits is bounded; the first to fail are kept, for those after them are refusals', async () => {
    const { state, trail, logged, written } = startTrail();
    state.isFull = true;
    for (let id = 0; id < maxKept + 50; id += 1) await trail.record(entry(String(id)));
    state.isFull = false;
    await trail.record(entry('last'));
    expect(written()).toHaveLength(maxKept);
    expect(written()[0]).toEqual(entry('0'));
    expect(logged).toHaveLength(maxKept + 51);
  });

  test('lines of others in the file are passed over', async () => {
    const { state, trail } = startTrail();
    await trail.record(entry('1'));
    state.content += '{"time":"20\nnot ours\n{}\n';
    await trail.record(entry('2'));
    expect(idsOf(await trail.list(10))).toEqual(['2', '1']);
  });

  test('a file that cannot be read is told as such', async () => {
    const { state, trail } = startTrail();
    state.isFull = true;
    await expect(trail.list(10)).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      details: { reason: 'AUDIT_LOG_UNAVAILABLE' },
    });
  });
});

test('settled() waits for calls under way, however they end', async () => {
  const trail = createAuditTrail({ log() {}, logFailure() {} });
  await trail.settled();
  const ends: (() => void)[] = [];
  const calls = ['one', 'two'].map((name) =>
    trail.follow(
      new Promise<string>((resolve, reject) => {
        ends.push(() => (name === 'one' ? resolve(name) : reject(new Error(name))));
      }),
    ),
  );
  const results = Promise.allSettled(calls);
  let isSettled = false;
  const settled = trail.settled().then(() => {
    isSettled = true;
  });
  ends[0]?.();
  expect(await calls[0]).toBe('one');
  expect(isSettled).toBe(false);
  ends[1]?.();
  await settled;
  expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
});

test('without a file the newest lines are remembered, up to a bound', async () => {
  const trail = createAuditTrail({ log() {}, logFailure() {} });
  for (let id = 0; id < maxKept + 5; id += 1) await trail.record(entry(String(id)));
  expect(idsOf(await trail.list(2))).toEqual([String(maxKept + 4), String(maxKept + 3)]);
  const all = await trail.list(2 * maxKept);
  expect(all).toHaveLength(maxKept);
  expect(all.at(-1)).toEqual(entry('5'));
});
