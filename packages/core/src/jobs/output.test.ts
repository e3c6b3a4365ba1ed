// The output of a job as its readers see it, over a host in memory: whole lines from any place, without secrets, until they leave.

import { expect, test } from 'vitest';
import { AppError } from '../app-error.ts';
import { id, lost, readAll, setUp, toWords, web } from '../testing/jobs.test-support.ts';
import { until } from '../testing/until.test-support.ts';

test('output() gives lines as they come, and ends with the job', async () => {
  const { service, add, print, end } = setUp();
  add(id, { text: 'one\ntw' });
  const events = (await service.output(id))[Symbol.asyncIterator]();
  expect(await events.next()).toEqual({ done: false, value: { text: 'one\n', position: '4' } });
  const second = events.next();
  print(id, 'o\nthr');
  expect(await second).toEqual({ done: false, value: { text: 'two\n', position: '8' } });
  const third = events.next();
  print(id, 'ee');
  end(id, 'succeeded', 0);
  expect(await third).toEqual({ done: false, value: { text: 'three\n', position: '13' } });
  expect(await events.next()).toEqual({ done: true, value: undefined });
});

test('output() goes on after any of its positions, and after any offset with the next whole line', async () => {
  const { service, add } = setUp();
  const raw = 'first\nTOKEN=hunter2\n\u001b[31mred\u001b[0m\n\nlast';
  add(id, { text: raw, state: 'succeeded', exitCode: 0 });
  const whole = await readAll(await service.output(id));
  expect(whole.text).toBe('first\nTOKEN=***\nred\n\nlast\n');
  for (const { position } of whole.events) {
    const rest = await readAll(await service.output(id, { after: position }));
    expect(whole.text.endsWith(rest.text)).toBe(true);
  }
  for (let offset = 0; offset <= raw.length + 3; offset += 1) {
    const { text } = await readAll(await service.output(id, { after: String(offset) }));
    const lineStart = offset === 0 || offset >= raw.length || raw[offset - 1] === '\n';
    const from = lineStart ? offset : raw.indexOf('\n', offset) + 1;
    const lines = from === 0 || offset >= raw.length ? (offset === 0 ? raw : '') : raw.slice(from);
    expect(text.split('\n').length, `from ${offset}`).toBe(
      lines === '' ? 1 : lines.split('\n').length + 1,
    );
    expect(whole.text.endsWith(text)).toBe(true);
    expect(text).not.toContain('hunter2');
  }
});

test.each(['-1', '1e3', 'abc', 'x', '', ' 1', '99999999999999999999', '9'.repeat(17), '1.5'])(
  'output() after %j is BAD_REQUEST, and says of what',
  async (after) => {
    const { service, add } = setUp();
    add(id);
    await expect(service.output(id, { after })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      details: { issues: [{ path: 'lastEventId', message: expect.stringContaining('must be') }] },
    });
  },
);

test('output() leaves out the values of the environment of its container, and asks for them once', async () => {
  const asked: string[] = [];
  const { service, add } = setUp({
    secretsOf: async (target) => {
      asked.push(target);
      return toWords('correct horse', 'true');
    },
  });
  add(id, { text: 'it is true: correct horse!\n'.repeat(20), state: 'succeeded', exitCode: 0 });
  const { text } = await readAll(await service.output(id));
  expect(text).toBe('it is true: ***!\n'.repeat(20));
  expect(asked).toEqual(['web']);
  expect((await service.get(id)).output).toBe(text);
  expect((await service.list())[0]?.output).toBe(text);
});

const withheld = expect.stringContaining("output withheld: the environment of the container 'web'");

test('where the environment cannot be read, the output is withheld and says so', async () => {
  const { service, add, end } = setUp({ secretsOf: () => Promise.reject(lost) });
  add(id, { text: 'the word is hunter2\n' });
  expect((await service.get(id)).output).toEqual(withheld);
  expect((await service.list())[0]?.output).toEqual(withheld);
  const reading = readAll(await service.output(id));
  end(id, 'failed', 1);
  expect((await reading).text).toEqual(withheld);
  await expect(service.wait(id)).rejects.toMatchObject({ details: { output: withheld } });
});

test('a job that wrote nothing has nothing to be withheld', async () => {
  const { service, add } = setUp({ secretsOf: () => Promise.reject(lost) });
  add(id);
  expect((await service.get(id)).output).toBe('');
});

test('values from before a rebuild stay hidden once the container has others, or is gone', async () => {
  let environment = async () => toWords('before rebuild');
  const { service, add, print, end } = setUp({ secretsOf: () => environment() });
  await service.startRebuild(web);
  print(id, 'first before rebuild, then after rebuild\n');
  environment = async () => ({ ...toWords('after rebuild'), createdAt: '2026-02-08T10:19:59Z' });
  expect((await service.get(id)).output).toBe('first ***, then ***\n');
  end(id, 'succeeded', 0);
  expect((await service.get(id)).output).toBe('first ***, then ***\n');
  environment = async () => ({ ...toWords('rotated'), createdAt: '2026-02-08T10:30:00Z' });
  expect((await service.get(id)).output).toEqual(withheld);
  const next = { ...toWords('after rebuild'), createdAt: '2026-02-08T10:19:59Z' };
  add('20260208T102500Z-3f9a1c2c', { startedAt: '2026-02-08T10:25:00.000Z', secrets: next });
  expect((await service.get(id)).output).toBe('first ***, then ***\n');
  environment = () => Promise.reject(new AppError('NOT_FOUND', 'gone'));
  expect((await service.get(id)).output).toBe('first ***, then ***\n');
});

test('the output of a job of another process is withheld once its container is gone', async () => {
  const gone = new AppError('NOT_FOUND', 'gone');
  const { service, add } = setUp({ secretsOf: () => Promise.reject(gone) });
  add(id, { text: 'the word is hunter2\n', state: 'succeeded', exitCode: 0 });
  expect((await service.get(id)).output).toEqual(withheld);
});

test('the output of a job with which no words are kept is withheld', async () => {
  const { service, add } = setUp();
  add(id, { text: 'the word is hunter2\n', secrets: undefined });
  expect((await service.get(id)).output).toEqual(withheld);
  expect((await service.list())[0]?.output).toEqual(withheld);
});

test('a reader who leaves ends its output at once', async () => {
  const { service, add, calls } = setUp();
  add(id);
  const caller = new AbortController();
  const gone = new Error('left');
  const reading = readAll(await service.output(id, { signal: caller.signal }));
  await until(() => calls.read > 0);
  caller.abort(gone);
  await expect(reading).rejects.toBe(gone);
  const { read } = calls;
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(calls.read).toBeLessThanOrEqual(read + 1);
});

test('a reader who stops reading leaves at once, also while nothing comes', async () => {
  const { service, add, calls } = setUp();
  add(id, { text: 'one\n' });
  const events = (await service.output(id))[Symbol.asyncIterator]();
  await events.next();
  const pending = events.next();
  await until(() => calls.read > 1);
  await events.return?.();
  expect(await pending).toEqual({ done: true, value: undefined });
});
