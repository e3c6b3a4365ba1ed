// `ondemand api` against a server that is no tRPC: it says what it got, or answers as a test tells it.

import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { token } from '../testing/run-bin.test-support.ts';
import { makeTemporaryFolder } from '../testing/temporary-folder.test-support.ts';
import { createTerminalModel } from '../testing/terminal-model.test-support.ts';

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly type: string | undefined;
  readonly prefer: string | undefined;
  readonly authorization: string | undefined;
  readonly body: string;
}

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

const ok: Answering = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"a": 1}');
};

async function startServer(answer: Answering = ok) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { 'content-type': type, prefer, authorization } = request.headers;
    received.push({
      method: request.method,
      url: request.url,
      type,
      prefer: prefer?.toString(),
      authorization,
      body: Buffer.concat(chunks).toString(),
    });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test.each<[readonly string[], Partial<Received>]>([
  [['GET', '/vm/status'], { method: 'GET', url: '/vm/status', body: '', type: undefined }],
  [['get', '/containers/nginx/logs', '-f', 'lines=5'], { url: '/containers/nginx/logs?lines=5' }],
  [['GET', '/x?a=b', '-f', 'c=d e'], { url: '/x?a=b&c=d+e' }],
  [['POST', '/vm/start'], { method: 'POST', body: '', type: undefined }],
  [['DELETE', '/vm/leases/x'], { method: 'DELETE', url: '/vm/leases/x' }],
  [
    [
      'POST',
      '/vm/leases',
      '-f',
      'minutes=30',
      '-f',
      'reason=a film',
      '-f',
      'x=true',
      '-f',
      'y=007',
    ],
    { body: '{"minutes":30,"reason":"a film","x":true,"y":"007"}', type: 'application/json' },
  ],
  [['POST', '/x', '--data', '{ "a": 1 }'], { body: '{ "a": 1 }', type: 'application/json' }],
  [
    ['POST', '/x', '-H', 'Prefer: respond-async', '-H', 'content-type:text/plain', '--data', '1'],
    { prefer: 'respond-async', type: 'text/plain' },
  ],
])('api %j sends what was typed, with the token', async (args, expected) => {
  await using api = await startServer();
  const run = runInTerminal(['api', ...args], api);
  expect(await run.exitCode).toBe(0);
  expect(api.received).toMatchObject([{ ...expected, authorization: `Bearer ${token}` }]);
  expect(run.stdout()).toBe('{\n  "a": 1\n}\n');
});

test('the body comes from a file, byte for byte, or from stdin', async () => {
  await using api = await startServer();
  await using folder = await makeTemporaryFolder();
  const file = join(folder.path, 'body');
  await writeFile(file, '{"a":\n"ü"}');
  expect(await runInTerminal(['api', 'PUT', '/x', '--input', file], api).exitCode).toBe(0);
  const piped = runInTerminal(['api', 'PUT', '/x', '--input', '-'], api);
  piped.stdin.end('[1]');
  expect(await piped.exitCode).toBe(0);
  expect(api.received.map(({ body }) => body)).toEqual(['{"a":\n"ü"}', '[1]']);
});

test.each([
  [['GET', 'vm/status'], 'begins with /'],
  [['GET', 'http://evil.example/'], 'begins with /'],
  [['/vm/status', 'GET'], "api needs a METHOD, one of GET, .* not '/vm/status'"],
  [['CONNECT', '/x'], 'api needs a METHOD'],
  [['POST', '/x', '--data', '{'], '--data needs JSON'],
  [['POST', '/x', '--data', '1', '-f', 'a=b'], 'takes one of'],
  [['GET', '/x', '--data', '1'], 'GET carries no body'],
  [['POST', '/x', '--input', '/nonexistent/x'], 'cannot read /nonexistent/x'],
  [['POST', '/x', '-f', 'a'], 'needs key=value'],
  [['GET', '/x', '-H', 'Authorization: Bearer x'], 'cannot set Authorization'],
  [['GET', '/x', '-H', 'Host:evil'], 'cannot set Host'],
  [['GET', '/x', '-H', 'trailer: x'], 'cannot set trailer'],
  [['GET', '/x', '-H', 'a b: c'], 'needs a header'],
  [['GET', '/x', '-H', 'a: b\r\nc: d'], 'needs a header'],
])('api %j is a usage error, and nothing is sent', async (args, message) => {
  await using api = await startServer();
  const run = runInTerminal(['api', ...args], api);
  expect(await run.exitCode).toBe(2);
  expect(run.stderr()).toMatch(new RegExp(message));
  expect(api.received).toEqual([]);
});

test.each(['/../admin', '/%2e%2e/admin', '/x/../../admin', '/..\\admin'])(
  'the path %s never leaves the folder that the API is in',
  async (path) => {
    await using api = await startServer();
    const run = runInTerminal(['api', 'GET', path, '--url', `${api.url}/ondemand`], api);
    expect(await run.exitCode).toBe(2);
    expect(run.stderr()).toContain('leads out of the API');
    expect(api.received).toEqual([]);
  },
);

test.each(['//evil.example/x', '/\\evil.example', '/@evil.example', '/.evil.example:80/'])(
  'the path %s goes to the API and nowhere else',
  async (path) => {
    await using api = await startServer();
    expect(await runInTerminal(['api', 'GET', path], api).exitCode).toBe(0);
    expect(api.received).toHaveLength(1);
  },
);

test('a redirect is not followed, so the token goes nowhere else', async () => {
  await using other = await startServer();
  await using api = await startServer((_request, response) => {
    response.writeHead(307, { location: `${other.url}/x?secret=1` }).end();
  });
  const run = runInTerminal(['api', 'GET', '/x'], api);
  expect(await run.exitCode).toBe(1);
  expect(run.stderr()).toContain(`redirects to ${other.url}/x, which ondemand does not follow`);
  expect(other.received).toEqual([]);
});

test.each([
  [404, 'NOT_FOUND', 4],
  [409, 'CONFLICT', 5],
  [503, 'SERVICE_UNAVAILABLE', 6],
  [401, 'UNAUTHORIZED', 3],
  [400, 'BAD_REQUEST', 2],
  [418, 'OF_A_NEWER_API', 1],
])(
  'an error answer of %i %s is the ApiError on stderr, with exit code %i',
  async (status, code, exitCode) => {
    const body = { error: 'Text', code, message: 'What\nhappened', details: { requestId: 'r' } };
    await using api = await startServer((_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    const run = runInTerminal(['api', 'GET', '/x'], api);
    expect(await run.exitCode).toBe(exitCode);
    expect(JSON.parse(createTerminalModel(run.stderr()).join('\n'))).toEqual(body);
    expect(run.stdout()).toBe('');
  },
);

test('what is no ApiError is one line with the status', async () => {
  await using api = await startServer((_request, response) => {
    response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad \u001b[2J gateway');
  });
  const run = runInTerminal(['api', 'GET', '/x'], { ...api, env: { NO_COLOR: '1' } });
  expect(await run.exitCode).toBe(6);
  expect(run.stderr()).toContain(`ondemand: ${api.url} answered 502, but not as this API does`);
  expect(run.stderr()).not.toContain('gateway');
});

test.each(['abc\ndef', 'a b', 'Bearer abc', 'tökén', 'a\u0000b'])(
  'the token %j, which cannot be sent, is told as ps tells it',
  async (bad) => {
    await using api = await startServer();
    const env = { ONDEMAND_TOKEN: bad };
    const [own, ps] = [['api', 'GET', '/vm/status'], ['ps']].map((argv) =>
      runInTerminal(argv, { ...api, env }),
    );
    expect(await own?.exitCode).toBe(3);
    expect(await ps?.exitCode).toBe(3);
    const lines = [own, ps].map((run) => createTerminalModel(run?.stderr() ?? '').join('\n'));
    expect(lines[0]).toContain('or another character that a token cannot have');
    expect(lines[0]).toContain('; it comes from ONDEMAND_TOKEN');
    expect(lines[0]).toBe(lines[1]);
    expect(api.received).toEqual([]);
  },
);

test('an API that is not there exits with 6', async () => {
  const run = runInTerminal(['api', 'GET', '/x'], { url: 'http://127.0.0.1:9' });
  expect(await run.exitCode).toBe(6);
  expect(run.stderr()).toContain('ECONNREFUSED');
});

test('-i prints status and headers first', async () => {
  await using api = await startServer((_request, response) => {
    response.writeHead(202, { location: '/jobs/x', 'content-type': 'text/plain' }).end('body');
  });
  const run = runInTerminal(['api', 'POST', '/x', '-i'], api);
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toMatch(/^HTTP\/1\.1 202 Accepted\nlocation: \/jobs\/x\n[\s\S]*\n\nbody$/);
});

test('Ctrl-C ends the wait for a body', async () => {
  await using api = await startServer();
  const interrupt = new AbortController();
  const run = runInTerminal(['api', 'POST', '/x', '--input', '-'], {
    ...api,
    signal: interrupt.signal,
  });
  await expect.poll(() => run.stdin.listenerCount('readable')).toBeGreaterThan(0);
  interrupt.abort();
  expect(await run.exitCode).toBe(130);
  expect(api.received).toEqual([]);
});

test('a stream comes as it is, until Ctrl-C', async () => {
  const interrupt = new AbortController();
  await using api = await startServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
  });
  const run = runInTerminal(['api', 'GET', '/events'], { ...api, signal: interrupt.signal });
  await expect.poll(run.stdout).toBe('data: 1\n\n');
  interrupt.abort();
  expect(await run.exitCode).toBe(130);
});

test('an answer that is cut off is a failure', async () => {
  await using api = await startServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': '100' });
    response.write('part', () => response.destroy());
  });
  const run = runInTerminal(['api', 'GET', '/x'], api);
  expect(await run.exitCode).toBe(6);
  expect(run.stderr()).toContain('the connection broke');
});
