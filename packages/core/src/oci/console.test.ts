// The serial console against a server that speaks OCI's console histories as far as each test needs it.

import { describe, expect, test } from 'vitest';
import { pause } from '../concurrency/deadline.ts';
import { json, refuse, setUpOci, startOci } from '../testing/compute.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { until } from '../testing/until.test-support.ts';
import { toLastLines } from './console.ts';

const { computeAt, failure } = setUpOci();

const histories = '/20160918/instanceConsoleHistories';
const timeCreated = '2026-02-08T10:15:30.000Z';

/** Captures in three reads; ends as told. `hold` may keep a request from being answered, by its method and path. */
async function startHistories(
  end: 'SUCCEEDED' | 'FAILED' = 'SUCCEEDED',
  {
    text = 'one\r\ntwo\r\nthree\r\n',
    hold = () => Promise.resolve(),
    refusals = 0,
    created = timeCreated,
  }: {
    text?: string;
    hold?: (method: string, path: string) => Promise<void>;
    /** How many times a deletion is refused. */
    refusals?: number;
    created?: string;
  } = {},
) {
  const kept = new Set<string>();
  let captures = 0;
  let reads = 0;
  let deletions = 0;
  const oci = await startOci(async ({ method, url }, response) => {
    const path = url.split('?')[0] ?? '';
    const id = path.slice(histories.length + 1).replace(/\/data$/, '');
    const history = (lifecycleState: string) => ({
      id: id || `h${captures}`,
      lifecycleState,
      timeCreated: created,
    });
    if (method === 'POST') {
      captures += 1;
      kept.add(`h${captures}`);
      const begun = history('REQUESTED');
      await hold(method, path);
      return json(response, begun);
    }
    await hold(method, path);
    if (method === 'DELETE') {
      deletions += 1;
      if (deletions <= refusals) return refuse(response, 409, { code: 'IncorrectState' });
      kept.delete(id);
      response.writeHead(204).end();
      return;
    }
    if (path.endsWith('/data')) {
      response.writeHead(200, { 'content-type': 'text/plain' }).end(text);
      return;
    }
    reads += 1;
    json(response, history(reads % 3 === 0 ? end : 'GETTING-HISTORY'));
  });
  return { ...oci, kept, captures: () => captures };
}

/** Each answer of OCI lets half a second pass: as much as it waits for before it asks again. */
function computeAtOnce(endpoint: string) {
  const clock = fakeTimeouts();
  return computeAt(endpoint, { onRequest: () => void clock.pass(500) });
}

test('is captured, waited for, read, and deleted', async () => {
  await using oci = await startHistories();
  await using compute = computeAtOnce(oci.endpoint);
  expect(await compute.readConsole({ lines: 2 })).toEqual({
    capturedAt: timeCreated,
    logs: 'two\nthree\n',
  });
  await until(() => oci.kept.size === 0);
  expect(oci.requests.find(({ url }) => url.includes('/data'))?.url).toContain('length=1048576');
});

test.each([
  ['-000001-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'],
  ['+012026-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'],
])('a capture of the time %s has the nearest that callers know', async (created, capturedAt) => {
  await using oci = await startHistories('SUCCEEDED', { created });
  await using compute = computeAtOnce(oci.endpoint);
  expect(await compute.readConsole({ lines: 2 })).toMatchObject({ capturedAt });
});

test('is empty where nothing was written to it yet', async () => {
  await using oci = await startHistories('SUCCEEDED', { text: '' });
  await using compute = computeAtOnce(oci.endpoint);
  expect(await compute.readConsole({ lines: 5 })).toEqual({ capturedAt: timeCreated, logs: '\n' });
});

test('is captured once for all who ask at the same time', async () => {
  await using oci = await startHistories();
  await using compute = computeAtOnce(oci.endpoint);
  await Promise.all([1, 2, 3].map(() => compute.readConsole({ lines: 2 })));
  expect(oci.captures()).toBe(1);
});

test('a capture that fails is unavailable, and is deleted too', async () => {
  await using oci = await startHistories('FAILED');
  await using compute = computeAtOnce(oci.endpoint);
  const error = await failure(compute.readConsole({ lines: 2 }));
  expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE', text: 'OCI failed' });
  await until(() => oci.kept.size === 0);
});

const stages = [
  ['it is being captured', 'POST', ''],
  ['OCI is asked how far it is', 'GET', '/h1'],
  ['it is being read', 'GET', '/h1/data'],
] as const;

describe.each(stages)('a reader who leaves while %s', (_, method, path) => {
  /** Answers what is held once that is called. */
  const createHold = () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isHeld = false;
    return {
      isHeld: () => isHeld,
      release: () => release(),
      hold: async (asked: string, at: string) => {
        if (asked !== method || at !== `${histories}${path}`) return;
        isHeld = true;
        await released;
      },
    };
  };

  test('is let go at once, and leaves no capture at OCI', async () => {
    const { hold, isHeld, release } = createHold();
    await using oci = await startHistories('SUCCEEDED', { hold, refusals: 1 });
    await using compute = computeAtOnce(oci.endpoint);
    const leaving = new AbortController();
    const reading = compute.readConsole({ lines: 2, signal: leaving.signal });
    await until(isHeld);
    leaving.abort(new Error('left'));
    await expect(reading).rejects.toThrow('left');
    release();
    await until(() => oci.kept.size === 0);
  });

  test('with the process leaves none, either', async () => {
    const { hold, isHeld, release } = createHold();
    await using oci = await startHistories('SUCCEEDED', { hold });
    const compute = computeAtOnce(oci.endpoint);
    const leaving = new AbortController();
    const reading = compute.readConsole({ lines: 2, signal: leaving.signal });
    await until(isHeld);
    leaving.abort(new Error('left'));
    await expect(reading).rejects.toThrow('left');
    const disposing = compute[Symbol.asyncDispose]();
    release();
    await disposing;
    expect(oci.kept.size).toBe(0);
  });
});

test('a reader of a process that ends is told so, and leaves no capture at OCI', async () => {
  await using oci = await startHistories('SUCCEEDED', {
    hold: (_, path) => (path.endsWith('/h1') ? pause(50) : Promise.resolve()),
  });
  const compute = computeAt(oci.endpoint);
  const reading = failure(compute.readConsole({ lines: 2 }));
  await expect.poll(() => oci.kept.size).toBe(1);
  await compute[Symbol.asyncDispose]();
  expect(await reading).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  expect(oci.kept.size).toBe(0);
});

test.each(['""', 'null', '[]', '{}', '{"id":5}', '{"id":""}'])(
  'what answers a capture with %s does not speak OCI’s API',
  async (body) => {
    await using oci = await startOci((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.readConsole({ lines: 5 }));
    expect([error.code, error.details.reason]).toEqual([
      'SERVICE_UNAVAILABLE',
      'UNREADABLE_ANSWER',
    ]);
  },
);

test('a policy that does not allow it is named', async () => {
  await using oci = await startOci((_, response) => refuse(response, 404));
  await using compute = computeAt(oci.endpoint);
  const error = await failure(compute.readConsole({ lines: 2 }));
  expect(error).toMatchObject({ code: 'INTERNAL_ERROR', text: 'VM console not readable' });
  expect(error.message).toContain('manage console-histories');
});

test.each([
  ['a\r\nb\r\nc\r\n', 2, 'b\nc\n'],
  ['a\r\r\nb\nc', 10, 'a\nb\nc\n'],
  ['', 5, '\n'],
  ['{"a":1}', 5, '{"a":1}\n'],
])('the end of %j is, for %i lines, %j', (text, lines, expected) => {
  expect(toLastLines(text, lines)).toBe(expected);
});
