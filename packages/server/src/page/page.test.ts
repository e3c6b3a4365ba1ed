// The page for people, its files and its policy.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  expectApiError,
  startTestServer,
  type TestServer,
} from '../testing/test-server.test-support.ts';
import { readPageFiles } from './page-files.ts';

let folder = '';
let server: TestServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'page-'));
  await mkdir(join(folder, 'page'));
  const html = `<meta content="__SETTINGS__"><script src="/__BASE__/page/index-abcdefgh.js"></script>`;
  await writeFile(join(folder, 'index.html'), html);
  await writeFile(join(folder, 'page/index-abcdefgh.js'), 'run()');
  await writeFile(join(folder, 'page/icon.svg'), '<svg/>');
  await writeFile(join(folder, 'page/secret.txt'), 'no type of the page');
  server = await start({ clientId: 'web' });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function start({ clientId, publicUrl }: { clientId?: string; publicUrl?: string }) {
  const files = await readPageFiles([join(folder, 'nowhere'), folder]);
  if (files === undefined) throw new Error('the page was not found');
  return startTestServer(
    {},
    {
      page: { files, clientId, returnOrigins: ['https://cloud.example.com'] },
      ...(publicUrl !== undefined && { publicUrl }),
    },
  );
}

async function readSettings(from: TestServer): Promise<unknown> {
  const [, escaped = ''] = /content="([^"]*)"/.exec(await (await from.ask('/')).text()) ?? [];
  return JSON.parse(
    escaped.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))),
  );
}

test.each(['/', '/?code=x&state=y', '/wake/nginx', '/wake/nginx?to=https%3A%2F%2Fx'])(
  '%s is the page, without a token, under a policy that lets nothing else in',
  async (path) => {
    const response = await server.ask(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('<script src="/page/index-abcdefgh.js"></script>');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; script-src 'self';/);
    expect(policy).not.toContain('unsafe');
    expect(policy).toMatch(/connect-src 'self' https?:\/\/[^ ;/]+;/); // the issuer, for signing in
  },
);

test('without a client of its own it asks nobody else', async () => {
  await using own = await start({});
  const policy = (await own.ask('/')).headers.get('content-security-policy');
  expect(policy).toContain("connect-src 'self';");
  expect(await readSettings(own)).not.toHaveProperty('clientId');
});

test('its files are served, those whose names change for good, and nothing else', async () => {
  const script = await server.ask('/page/index-abcdefgh.js');
  expect(script.headers.get('cache-control')).toContain('immutable');
  expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  expect(await script.text()).toBe('run()');
  expect((await server.ask('/page/icon.svg')).headers.get('cache-control')).toBe('no-store');
  for (const name of ['secret.txt', 'nope.js', '..%2findex.html', 'index.html'])
    await expectApiError(await server.ask(`/page/${name}`), 'NOT_FOUND');
});

test.each([
  ['gzip, deflate, br', 'gzip'],
  ['br;q=1.0, gzip;q=0.5', 'gzip'],
  ['gzip;q=0', null],
  ['gzip; q=0.000, br', null],
  ['identity', null],
  ['*', 'gzip'],
])('with Accept-Encoding: %s a file comes as %s', async (encoding, expected) => {
  const response = await server.ask('/page/index-abcdefgh.js', {
    headers: { 'accept-encoding': encoding },
  });
  expect(response.headers.get('content-encoding')).toBe(expected);
  expect(response.headers.get('vary')).toMatch(/accept-encoding/i);
  expect(await response.text()).toBe('run()');
});

test('it is told where to sign in, and where a wake may lead', async () => {
  expect(await readSettings(server)).toMatchObject({
    issuer: expect.any(String),
    clientId: 'web',
    scopes: ['read', 'wake', 'admin'],
    returnOrigins: ['https://cloud.example.com'],
  });
});

test('below the path of its public URL its files are there too', async () => {
  await using below = await start({ publicUrl: 'https://example.com/ondemand' });
  expect(await (await below.ask('/')).text()).toContain('src="/ondemand/page/index-abcdefgh.js"');
});

test.each([
  [
    '?to=https%3A%2F%2Fcloud.example.com%2Fa%3Fx%3D1%26y',
    '?to=https%3A%2F%2Fcloud.example.com%2Fa%3Fx%3D1%26y',
  ],
  [
    '?to=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E',
    '?to=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E',
  ],
  ['', ''],
])(
  '/wake/{name}/redirect%s is a page that leads to the one that wakes, and nowhere else',
  async (query, expected) => {
    const response = await server.ask(`/wake/my.app/redirect${query}`);
    const html = await response.text();
    expect(html).toContain(`content="0; url=http://127.0.0.1:5000/wake/my.app${expected}"`);
    expect(html).not.toContain('<script');
  },
);

test('only read: other methods are refused', async () => {
  for (const path of ['/', '/wake/nginx', '/page/icon.svg'])
    await expectApiError(
      await server.ask(path, { method: 'POST', as: 'read' }),
      'METHOD_NOT_ALLOWED',
    );
});
