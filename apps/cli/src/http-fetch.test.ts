import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { expect, test, vi } from 'vitest';
import { fetchAnswer } from './http-fetch.ts';
import { version } from './version.ts';

test('an answer comes whole, with its status and headers', async () => {
  const letters = 'ü'.repeat(100_000);
  await using server = await serve((_request, response) => {
    response.writeHead(503, { 'Retry-After': '7' }).end(letters);
  });
  const answer = await get(server.url);
  expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('x-none')]).toEqual([
    503,
    '7',
    null,
  ]);
  expect(await answer.text()).toBe(letters);
});

test('a body is sent as it is', async () => {
  await using server = await serve((request, response) => {
    request.pipe(response.writeHead(200, { 'x-method': request.method }));
  });
  const [method, body] = ['POST', '{"name":"é"}'];
  const answer = await get(server.url, { method, body });
  expect([answer.headers.get('x-method'), await answer.text()]).toEqual([method, body]);
});

test('a redirect is not followed', async () => {
  await using server = await serve((_request, response) => {
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  const answer = await get(server.url);
  expect([answer.status, answer.headers.get('location')]).toEqual([302, '/elsewhere']);
});

test('an answer that is cut off rejects with a code', async () => {
  await using server = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
  });
  const answer = await get(server.url);
  await expect(answer.text()).rejects.toMatchObject({ code: 'ECONNRESET' });
});

test('a connection that is refused rejects with its code', async () => {
  const server = await serve(() => {});
  await server[Symbol.asyncDispose]();
  await expect(get(server.url)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('a connection that is not made within 10 s rejects as that of fetch does', async () => {
  using _timers = fakeTimeouts();
  const server = createTcpServer().listen(0, '127.0.0.1'); // and never speaks TLS
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // of a TCP server that listens
  const asking = get(`https://127.0.0.1:${port}/`);
  const [socket] = await once(server, 'connection');
  const closed = once(socket.resume(), 'close');
  vi.advanceTimersByTime(10_000);
  await expect(asking).rejects.toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' });
  await closed;
  await new Promise((resolve) => server.close(resolve));
});

test('an answer may take longer than a connection', async () => {
  using _timers = fakeTimeouts();
  await using server = await serve((_request, response) => {
    vi.advanceTimersByTime(60_000);
    response.end('late');
  });
  expect(await (await get(server.url)).text()).toBe('late');
});

test('a call says who asks and takes what comes, unless told otherwise', async () => {
  await using server = await serve(({ headers }, response) => {
    response.end(JSON.stringify([headers.accept, headers['user-agent']]));
  });
  const read = async (headers: Record<string, string>) =>
    JSON.parse(await (await get(server.url, { headers })).text());
  expect(await read({})).toEqual(['*/*', `ondemand/${version}`]);
  expect(await read({ accept: 'a/b', 'user-agent': 'mine' })).toEqual(['a/b', 'mine']);
});

test('an aborted call drops its request', async () => {
  const controller = new AbortController();
  let closed: Promise<unknown> | undefined;
  await using server = await serve((_request, response) => {
    closed = once(response, 'close');
    controller.abort();
  });
  await expect(get(server.url, { signal: controller.signal })).rejects.toThrow();
  await closed;
});

test("a stream is opened by Node's own fetch", async () => {
  await using server = await serve((request, response) => {
    response.end(request.headers['user-agent']);
  });
  const answer = await get(server.url, { headers: { accept: 'text/event-stream' } });
  expect(answer).toBeInstanceOf(Response);
  expect(await answer.text()).toBe('node');
});

function get(url: string, init: RequestInit = {}): Promise<Response> {
  const { signal } = new AbortController();
  return fetchAnswer(url, { method: 'GET', headers: {}, signal, ...init });
}

/** Of what this file tests; Node's own keep their time. */
function fakeTimeouts(): Disposable {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  return { [Symbol.dispose]: () => void vi.useRealTimers() };
}

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // of a TCP server that listens
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
