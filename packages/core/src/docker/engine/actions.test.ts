// Start, stop and restart against an engine that refuses, is silent, or whose answer is lost.

import { setImmediate as immediately } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { AppError } from '../../app-error.ts';
import { sendJson, startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import {
  exited,
  id,
  posts,
  running,
  withBox,
} from '../../testing/fake-engine-with-one-container.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import { createEngine } from './engine.ts';

const unreachable = new AppError('SERVICE_UNAVAILABLE', 'The next attempt is not due yet');

test.each([
  ['start', exited(), 204, { changed: true }],
  ['start', running(), 304, { changed: false }],
  ['stop', running(), 204, { changed: true }],
  ['stop', exited(), 304, { changed: false }],
  ['restart', running(), 204, undefined],
] as const)('%s() of %o answered %i gives %o', async (action, box, status, outcome) => {
  await using fake = await startFakeEngine(
    withBox(box, (_request, response) => response.writeHead(status).end()),
  );
  await using engine = createEngine(fake);
  expect(await engine[action](id)).toEqual(outcome);
  expect(posts(fake)).toEqual([`POST /v1.41/containers/${id}/${action}`]);
});

test('stop() is through once the list says so as well, which Docker may say later', async () => {
  const states = ['running', 'running', 'exited'];
  await using fake = await startFakeEngine((request, response) => {
    if (request.method === 'POST') return response.writeHead(204).end();
    const State = states.length > 1 ? states.shift() : states[0];
    const isList = request.url?.includes('/containers/json?');
    return sendJson(
      response,
      200,
      isList
        ? [{ Id: id, Names: ['/web'], State, Status: '' }]
        : { Id: id, Name: '/web', State: { Status: 'running' } },
    );
  });
  await using engine = createEngine(fake);
  expect(await engine.stop(id)).toEqual({ changed: true });
  expect((await engine.list({ name: id }))[0]?.state).toBe('exited');
});

test.each([404, 500])(
  'stop() that Docker confirmed stays one when its list answers %i',
  async (status) => {
    await using fake = await startFakeEngine(
      withBox(running(), (request, response) =>
        request.method === 'POST'
          ? response.writeHead(204).end()
          : sendJson(response, status, { message: 'no' }),
      ),
    );
    await using engine = createEngine(fake);
    expect(await engine.stop(id)).toEqual({ changed: true });
  },
);

test.each(['start', 'stop', 'restart', 'logs'] as const)(
  '%s() of a container that is not there is NOT_FOUND',
  async (action) => {
    await using fake = await startFakeEngine((_request, response) =>
      sendJson(response, 404, { message: `No such container: ${id}` }),
    );
    await using engine = createEngine(fake);
    await expect(engine[action](id, { lines: 1 })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      details: { name: id },
    });
    expect(fake.requests.some((line) => line.startsWith('POST'))).toBe(false);
  },
);

test('start() names the container that Docker refuses to start, and why', async () => {
  await using fake = await startFakeEngine(
    withBox({ ...exited(), status: 'paused' }, (_request, response) =>
      sendJson(response, 409, { message: 'cannot start a paused container, try unpause instead' }),
    ),
  );
  await using engine = createEngine(fake);
  await expect(engine.start(id)).rejects.toMatchObject({
    code: 'CONFLICT',
    message:
      'The container \'web\' on oci-flex cannot start now: it is paused; unpause it first ("docker unpause web")',
    details: { name: 'web' },
  });
});

test('an id is one part of the path, whatever it holds', async () => {
  await using fake = await startFakeEngine((_request, response) => sendJson(response, 404, {}));
  await using engine = createEngine(fake);
  await expect(engine.start('../images/json?a=b#c')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(fake.requests.at(-1)).toBe('GET /v1.41/containers/..%2Fimages%2Fjson%3Fa%3Db%23c/json');
});

test('a stop whose answer is lost succeeds once the container is seen stopped', async () => {
  const box = running();
  await using fake = await startFakeEngine(
    withBox(box, (request) => {
      request.socket.destroy();
      // Docker goes on when the client is gone.
      setTimeout(() => Object.assign(box, exited()), 300);
    }),
  );
  await using engine = createEngine(fake);
  await expect(engine.stop(id)).resolves.toEqual({ changed: true });
  expect(box.status).toBe('exited');
  expect(posts(fake)).toHaveLength(1);
});

test('a stop whose answer is cut in the middle of its headers is looked up as well', async () => {
  const box = running();
  await using fake = await startFakeEngine(
    withBox(box, (request) => {
      Object.assign(box, exited());
      request.socket.end('HTTP/1.1 204 No Con');
    }),
  );
  await using engine = createEngine(fake);
  await expect(engine.stop(id)).resolves.toEqual({ changed: true });
});

test('a restart whose answer is lost succeeds once another start is seen', async () => {
  const box = running();
  await using fake = await startFakeEngine(
    withBox(box, (request) => {
      request.socket.destroy();
      Object.assign(box, exited());
      setTimeout(() => Object.assign(box, { ...running(), startedAt: 't3' }), 300);
    }),
  );
  await using engine = createEngine(fake);
  await engine.restart(id);
  expect(box.startedAt).toBe('t3');
});

test('a start whose answer is lost succeeds also when the container ended at once', async () => {
  const box = exited();
  await using fake = await startFakeEngine(
    withBox(box, (request) => {
      box.startedAt = 't3';
      request.socket.destroy();
    }),
  );
  await using engine = createEngine(fake);
  await expect(engine.start(id)).resolves.toEqual({ changed: true });
});

test.each([
  { engine: 'is cut off', open: undefined },
  { engine: 'is known to be out of reach', open: () => Promise.reject(unreachable) },
])(
  'an action whose answer is lost is of unknown outcome within 5 s when the engine $engine',
  async ({ open }) => {
    const clock = fakeTimeouts();
    let posted = 0;
    await using fake = await startFakeEngine(
      withBox(running(), (request) => {
        posted += 1;
        request.socket.destroy();
        // From here on the engine is out of reach.
        fake.respond = (later) => later.socket.destroy();
        if (open !== undefined) fake.channels.openSocket = open;
      }),
    );
    await using engine = createEngine(fake);
    const outcomes: unknown[] = [];
    const restarting = engine.restart(id).catch((error: unknown) => outcomes.push(error));
    await until(() => posted === 1);
    for (let passedMs = 0; passedMs < 5_000 && outcomes.length === 0; passedMs += 10) {
      await clock.pass(10);
      // The sockets are real: what they do takes some turns.
      for (let turn = 0; turn < 10; turn += 1) await immediately();
    }
    expect(outcomes).toMatchObject([
      {
        code: 'SERVICE_UNAVAILABLE',
        message: expect.stringContaining('outcome unknown'),
        details: { name: 'web', outcome: 'unknown' },
      },
    ]);
    await restarting;
    expect(posted).toBe(1);
  },
);

test.each([
  ['is waited for', 9_000, { changed: true }],
  ['is waited for until the action itself had its time', 300_000, undefined],
])('a connection that is being made after the answer was lost %s', async (_, takesMs, outcome) => {
  const clock = fakeTimeouts();
  const box = running();
  let isConnecting = false;
  await using fake = await startFakeEngine(
    withBox(box, (request) => {
      Object.assign(box, exited());
      request.socket.destroy();
      const { channels, respond } = fake;
      const { openSocket } = channels;
      fake.respond = (later) => later.socket.destroy();
      channels.openSocket = async (...args) => {
        isConnecting = true;
        await new Promise((resolve) => setTimeout(resolve, takesMs));
        fake.respond = respond;
        return openSocket(...args);
      };
    }),
  );
  await using engine = createEngine(fake);
  const stopping = engine.stop(id).catch((error: unknown) => error);
  await until(async () => {
    if (!isConnecting) await clock.pass(10); // to the next attempt
    return isConnecting;
  });
  await clock.pass(takesMs);
  const ended = await stopping;
  if (outcome === undefined) expect(ended).toMatchObject({ details: { outcome: 'unknown' } });
  else expect(ended).toEqual(outcome);
});

test('an action that the shutdown of this process cuts off is of unknown outcome at once', async () => {
  const closed = new AppError('SERVICE_UNAVAILABLE', 'This process is shutting down', {
    details: { reason: 'CONNECTION_CLOSED' },
  });
  let opened = 0;
  await using fake = await startFakeEngine(
    withBox(running(), (request) => {
      request.socket.destroy();
      fake.respond = (later) => later.socket.destroy();
      fake.channels.openSocket = () => {
        opened += 1;
        return Promise.reject(closed);
      };
    }),
  );
  await using engine = createEngine(fake);
  await expect(engine.restart(id)).rejects.toMatchObject({ details: { outcome: 'unknown' } });
  expect(opened).toBe(1);
});

test('an action whose answer is lost rejects with the reason of a caller who leaves meanwhile', async () => {
  const caller = new AbortController();
  await using fake = await startFakeEngine(
    withBox(running(), (request) => {
      request.socket.destroy();
    }),
  );
  await using engine = createEngine(fake);
  const stopping = engine.stop(id, { signal: caller.signal });
  await until(() => posts(fake).length === 1);
  const gone = new Error('the caller left');
  setTimeout(() => caller.abort(gone), 50);
  await expect(stopping).rejects.toBe(gone);
});
