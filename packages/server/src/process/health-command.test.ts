import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { findHealthProblem } from './health-command.ts';

async function listen(host: string, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return String((server.address() as AddressInfo).port);
}

const healthy: RequestListener = ({ url }, response) =>
  response.writeHead(url === '/healthz' ? 200 : 404).end('{"status":"ok"}');

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['127.0.0.1', ''],
  ['127.0.0.1', undefined],
  ['0.0.0.0', '0.0.0.0'],
  ['::1', '::1'],
  ['::', '::'],
  ['::', '0:0:0:0:0:0:0:0'],
  ['127.0.0.1', ' localhost '],
])('a server that listens on %s is asked with HOST=%j', async (host, HOST) => {
  const PORT = await listen(host, healthy);
  expect(await findHealthProblem({ HOST, PORT })).toBeUndefined();
});

test('an address with a zone is asked without it in the Host header, which the server would refuse', async () => {
  const hosts: unknown[] = [];
  const PORT = await listen('::1', (request, response) => {
    hosts.push(request.headers.host);
    response.end();
  });
  expect(await findHealthProblem({ HOST: '::1%lo', PORT })).toBeUndefined();
  expect(hosts).toEqual(['localhost']);
});

test('HOST and PORT are read from the env file, below the environment', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-health-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'env');
  const port = await listen('127.0.0.1', healthy);
  await writeFile(file, `HOST=0.0.0.0 # of the container\nexport PORT="${port}"\n`);
  expect(await findHealthProblem({ PORT: '' }, file)).toBeUndefined();
  expect(await findHealthProblem({ PORT: '1' }, file)).toMatch(/^http:\/\/127\.0\.0\.1:1\//);
  expect(await findHealthProblem({}, join(folder, 'none'))).toMatch(/cannot be read \(ENOENT\)$/);
});

test.each([
  [503, 'http://127.0.0.1:PORT/healthz answered 503'],
  [404, 'http://127.0.0.1:PORT/healthz answered 404'],
])('an answer of %i is no health', async (status, problem) => {
  const PORT = await listen('127.0.0.1', (_, response) => response.writeHead(status).end());
  expect(await findHealthProblem({ PORT })).toBe(problem.replace('PORT', PORT));
});

test('an answer that is cut, and a port where nobody listens, are told in a line', async () => {
  const PORT = await listen('127.0.0.1', ({ socket }) => socket.destroy());
  expect(await findHealthProblem({ PORT })).toMatch(/gave no answer \(ECONNRESET\)$/);
  expect(await findHealthProblem({ PORT: '1' })).toMatch(/gave no answer \(ECONNREFUSED\)$/);
  expect(await findHealthProblem({ PORT: 'http' })).toMatch(/^PORT: must be a port/);
});
