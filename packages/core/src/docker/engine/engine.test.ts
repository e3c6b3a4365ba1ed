// The Engine port against an engine that answers wrongly, refuses, loses answers and writes long lines.

import type { IncomingMessage } from 'node:http';
import { setImmediate as immediately } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { AppError } from '../../errors.ts';
import { maxLogBytes } from '../../model/container.ts';
import type { LogText } from '../../model/log-text.ts';
import {
  type FakeEngine,
  type Respond,
  sendJson,
  startFakeEngine,
  until,
} from '../../testing/fake-engine.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { toEntry, toFrame } from '../../testing/log-frames.test-support.ts';
import { entryBytes } from '../logs/tail.ts';
import { createEngine } from './engine.ts';

const id = 'c0ffee'.repeat(10);

interface Box {
  status: string;
  startedAt: string;
  finishedAt: string;
  stopTimeout?: number;
  tty?: boolean;
}

const running = (): Box => ({ status: 'running', startedAt: 't1', finishedAt: 't0' });
const exited = (): Box => ({ status: 'exited', startedAt: 't1', finishedAt: 't2' });

test('list() gives every container of the engine, whatever else it says of it', async () => {
  await using fake = await startFakeEngine((_request, response) =>
    sendJson(response, 200, [
      { Id: id, Names: ['/web'], State: 'running', Status: 'Up 1 second', Surprise: { a: [1] } },
    ]),
  );
  await using engine = createEngine(fake);
  expect(await engine.list()).toEqual([
    {
      id,
      name: 'web',
      state: 'running',
      image: '<no image>',
      ports: '',
      uptime: 'Up 1 second',
      labels: {},
    },
  ]);
  expect(fake.requests).toContain('GET /v1.41/containers/json?all=1');
});

test.each([
  ['no JSON', '<html>'],
  ['half of it', '[{"Id":'],
  ['no list', '{"message":"hello"}'],
  ['null', 'null'],
  ['a container without an id', '[{"Names":["/web"]}]'],
  ['a port that is none', '[{"Id":"a","Ports":[{"PrivatePort":"eighty"}]}]'],
  ['nothing', ''],
])('list() is SERVICE_UNAVAILABLE when the engine answers %s', async (_name, body) => {
  await using fake = await startFakeEngine((_request, response) => response.end(body));
  await using engine = createEngine(fake);
  await expect(engine.list()).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining('cannot be understood while listing containers'),
  });
});

test('list() is SERVICE_UNAVAILABLE when the engine fails, is silent, or is cut', async () => {
  const answers: [string, Respond][] = [
    ['HTTP 500', (_request, response) => sendJson(response, 500, { message: 'secret' })],
    ['did not answer in time', () => {}],
    ['was lost', (request) => request.socket.destroy()],
  ];
  for (const [words, respond] of answers) {
    await using fake = await startFakeEngine(respond);
    const timeoutMs = words === 'did not answer in time' ? 1000 : 60_000;
    await using engine = createEngine({ ...fake, timeoutMs });
    await expect(engine.list()).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining(words),
    });
  }
});

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
  expect(fake.requests.at(-1)).toBe(`POST /v1.41/containers/${id}/${action}`);
});

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

const unreachable = new AppError('SERVICE_UNAVAILABLE', 'The next attempt is not due yet');

test.each([
  { engine: 'is cut off', open: undefined },
  { engine: 'cannot be reached nor refused', open: () => new Promise<never>(() => {}) },
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
    await expect.poll(() => posted).toBe(1);
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

test('logs() gives the last lines of both streams in the order they were written', async () => {
  await using fake = await startFakeEngine(
    withBox(running(), (_request, response) => {
      response.write(Buffer.concat([toEntry(1, 1, 'one\n'), toEntry(1, 3, 'three\n')]));
      response.end(Buffer.concat([toEntry(2, 2, 'two\n'), toEntry(1, 4, 'four\n')]));
    }),
  );
  await using engine = createEngine(fake);
  expect(textOf(await engine.logs(id, { lines: 3 }))).toBe('two\nthree\nfour\n');
  const path = `GET /v1.41/containers/${id}/logs?stdout=1&stderr=1&timestamps=1`;
  expect(fake.requests.slice(-2)).toEqual([`${path}&tail=35`, `${path}&tail=3`]);
});

/** As Docker reads a json log with zeros at `-1` in it: what it was asked for up to the zeros, or less than all behind them. */
function answerDamaged(
  entries: readonly number[],
  { lost, toBytes }: { lost: number; toBytes: (n: number) => Buffer },
) {
  return (request: IncomingMessage, response: { end(bytes: Buffer): void }) => {
    const query = new URL(`http://x${request.url}`).searchParams;
    const asked = entries.slice(-Number(query.get('tail')));
    const damage = asked.indexOf(-1);
    const given = damage === -1 ? asked : asked.toSpliced(damage, lost);
    response.end(Buffer.concat(given.map(toBytes)));
  };
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

const damaged = [...numbers(1, 40), -1, ...numbers(50, 60)];

/** The zeros of a hard reset are glued to the entry behind them. */
const damagedLogs: [
  name: string,
  entries: number[],
  read: { lines: number; lost?: number },
  expected: number[],
][] = [
  ['before the lines wanted', damaged, { lines: 5 }, numbers(56, 60)],
  ['just before them', damaged, { lines: 11 }, numbers(50, 60)],
  ['just before them, and read over', damaged, { lines: 11, lost: 4 }, numbers(50, 60)],
  ['among them', damaged, { lines: 20 }, numbers(33, 40)],
  [
    'among them, and read over',
    damaged,
    { lines: 20, lost: 4 },
    [...numbers(33, 40), ...numbers(53, 60)],
  ],
  ['at the start of the log', [-1, ...numbers(50, 60)], { lines: 5 }, numbers(56, 60)],
  [
    'twice',
    [...numbers(1, 9), -1, ...numbers(20, 29), -1, ...numbers(40, 49)],
    { lines: 3 },
    numbers(47, 49),
  ],
  ['at the end', [...numbers(1, 40), -1], { lines: 3 }, numbers(39, 40)],
  ['nowhere', numbers(1, 9), { lines: 5 }, numbers(5, 9)],
];

test.each(damagedLogs)(
  'logs() with zeros of a hard reset %s are as docker gives them, and held once',
  async (_name, entries, { lines, lost = entries.length }, expected) => {
    for (const tty of [false, true]) {
      const toBytes = (n: number) =>
        tty ? Buffer.from(`line ${n}\n`) : toEntry(1, n, `line ${n}\n`);
      await using fake = await startFakeEngine(
        withBox({ ...running(), tty }, answerDamaged(entries, { lost, toBytes })),
      );
      await using engine = createEngine(fake);
      let held = 0;
      const countBytes = (bytes: number) => {
        held += bytes;
      };
      const log = await engine.logs(id, { lines, countBytes });
      expect(textOf(log)).toBe(expected.map((n) => `line ${n}\n`).join(''));
      expect(held).toBe(256 * 1024);
    }
  },
);

test('logs() of a TTY are taken as they are, without frames and timestamps', async () => {
  await using fake = await startFakeEngine(
    withBox({ ...running(), tty: true }, (_request, response) => {
      response.write(Buffer.from('hello\r\nwö'));
      response.end(Buffer.from('rld\r\n$ '));
    }),
  );
  await using engine = createEngine(fake);
  expect(textOf(await engine.logs(id, { lines: 2 }))).toBe('wörld\r\n$ ');
  expect(fake.requests.at(-1)).toContain('timestamps=0');
});

test('logs() of no lines are empty', async () => {
  await using fake = await startFakeEngine(
    withBox(running(), (_request, response) => response.end()),
  );
  await using engine = createEngine(fake);
  expect(textOf(await engine.logs(id, { lines: 10 }))).toBe('');
});

test('logs() asks again when long lines fill the entries that it asked for', async () => {
  // As Docker does: each line in parts of 16 KiB, the tail counted in parts.
  const parts = Array.from({ length: 200 }, (_, line) =>
    [1, 2, 3].map((part) =>
      toEntry(1, line, part < 3 ? 'x'.repeat(entryBytes) : `end of ${line}\n`),
    ),
  ).flat();
  await using fake = await startFakeEngine(
    withBox(running(), (request, response) => {
      const tail = Number(new URL(`http://x${request.url}`).searchParams.get('tail'));
      response.end(Buffer.concat(parts.slice(-tail)));
    }),
  );
  await using engine = createEngine(fake);
  const lines = textOf(await engine.logs(id, { lines: 50 }))
    .trimEnd()
    .split('\n');
  expect(lines).toHaveLength(50);
  expect(lines.map((line) => line.replace(/^x+/, ''))).toEqual(
    Array.from({ length: 50 }, (_, n) => `end of ${150 + n}`),
  );
  expect(lines.every((line) => line.length > 2 * entryBytes)).toBe(true);
});

test.each([
  ['a daemon that fails', toFrame(3, 'secret'), 'failed while it read the log'],
  ['text without frames', Buffer.from('no frames at all'), 'malformed'],
  ['an end inside a frame', toFrame(1, 'half a line').subarray(0, 12), 'malformed'],
  ['a claim of 4 GiB', Buffer.from([1, 0, 0, 0, 255, 255, 255, 255, 0]), 'malformed'],
])('logs() with %s are SERVICE_UNAVAILABLE', async (_name, bytes, words) => {
  await using fake = await startFakeEngine(
    withBox(running(), (_request, response) => response.end(bytes)),
  );
  await using engine = createEngine(fake);
  await expect(engine.logs(id, { lines: 10 })).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining(words),
  });
});

test('logs() that are cut are SERVICE_UNAVAILABLE, never a shorter log', async () => {
  await using fake = await startFakeEngine(
    withBox(running(), (request, response) => {
      response.write(toEntry(1, 1, 'one\n'));
      setTimeout(() => request.socket.destroy(), 20);
    }),
  );
  await using engine = createEngine(fake);
  await expect(engine.logs(id, { lines: 10 })).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
  });
});

test('logs() of 100 MB are bounded to the newest that fit', async () => {
  const entry = toEntry(1, 1, `${'l'.repeat(9999)}\n`);
  await using fake = await startFakeEngine(
    withBox(running(), (_request, response) => {
      let left = 10_000;
      const write = () => {
        while (left > 0) {
          left -= 1;
          if (!response.write(entry)) break;
        }
        if (left === 0) response.end();
      };
      response.on('drain', write);
      write();
    }),
  );
  await using engine = createEngine(fake);
  let held = 0;
  const countBytes = (bytes: number) => {
    held += bytes;
  };
  const logs = textOf(await engine.logs(id, { lines: 10_000, countBytes }));
  expect(held).toBeGreaterThanOrEqual(logs.length);
  expect(held).toBeLessThan(maxLogBytes + 1024 * 1024);
  expect(logs.length).toBeLessThanOrEqual(maxLogBytes);
  expect(logs.length).toBeGreaterThan(maxLogBytes - 10_001);
});

test('logs() end at once when what they hold exceeds the caller’s budget', async () => {
  await using fake = await startFakeEngine(
    withBox(running(), (_request, response) => {
      response.write(toEntry(1, 1, 'one\n')); // and no end
    }),
  );
  await using engine = createEngine(fake);
  const tooMuch = new AppError('SERVICE_UNAVAILABLE', 'too much');
  const countBytes = () => {
    throw tooMuch;
  };
  await expect(engine.logs(id, { lines: 10, countBytes })).rejects.toBe(tooMuch);
});

function textOf(log: LogText): string {
  return [...log.pieces()].join('');
}

/** An engine with one container, whose inspection follows `box`. */
function withBox(box: Box, respond: Respond): Respond {
  return (request, response) => {
    if (!request.url?.endsWith(`/${id}/json`)) return respond(request, response);
    sendJson(response, 200, {
      Id: id,
      Name: '/web',
      State: {
        Status: box.status,
        Running: box.status === 'running',
        StartedAt: box.startedAt,
        FinishedAt: box.finishedAt,
      },
      Config: { Tty: box.tty ?? false, StopTimeout: box.stopTimeout, Env: ['SECRET=1'] },
    });
  };
}

function posts(fake: FakeEngine): string[] {
  return fake.requests.filter((line) => line.startsWith('POST'));
}
