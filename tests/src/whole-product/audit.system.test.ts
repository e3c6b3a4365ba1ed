// The audit as an auditor meets it: a file that outlives the process, the log, and GET /audit.

import { chmod, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@ondemand/client';
import { type Sandbox, startSandbox } from '@ondemand/sandbox';
import { afterAll, beforeAll, expect, test as inOrder } from 'vitest';
import { expectApiError } from '../support/expect-api-error.ts';
import { run } from '../support/run.ts';
import { type Server, startServer } from '../support/start-api-process.ts';
import { createCaller, startApp, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

/** Each test has a world of its own, in which it mostly waits. */
const test = inOrder.concurrent;

interface Line {
  readonly action: string;
  readonly target?: string;
  readonly outcome: string;
  readonly status: number;
  readonly requestId: string;
}

let folder: string;
let sandbox: Sandbox;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-'));
  sandbox = await startSandbox();
});
afterAll(async () => {
  await sandbox?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

let count = 0;
const newPath = () => {
  count += 1;
  return join(folder, `audit-${count}.jsonl`);
};

const readAll = async (path: string) =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line); // each is checked by its reader

/** How calls went, without the intents before them. */
const readLines = async (path: string) =>
  (await readAll(path)).filter(({ outcome }) => outcome !== 'intent');

/** What it logs comes through a pipe, so perhaps after the answer. */
function loggedLines(server: Server, expected: number): Promise<readonly unknown[]> {
  return until(`${expected} lines in the log`, () => {
    const lines = server.logs().flatMap(({ audit }) => audit ?? []);
    return lines.length >= expected ? lines : undefined;
  });
}

/** A new process on a busy machine may say first that the issuer, or the VM, is not there in time. */
function untilStatus(status: number, request: () => Promise<Response>): Promise<boolean> {
  return until(`an answer with ${status}`, async () => {
    const response = await request();
    const text = await response.text();
    if (response.status !== status) throw new Error(text);
    return true;
  });
}

const summary = ({ action, target, outcome, status }: Line) => [action, target, outcome, status];

test('each call that changes something has its line in the file by the time of its answer', async () => {
  const path = newPath();
  await using app = await startAppHere({ env: { AUDIT_LOG_FILE: path } });
  const expected: unknown[] = [];
  const act = async (request: () => Promise<Response>, ...line: unknown[]) => {
    const response = await request();
    expected.push(line);
    const lines = await readLines(path);
    expect(lines.map(summary)).toEqual(expected);
    expect(lines.at(-1)).toMatchObject({
      time: expect.stringMatching(/Z$/),
      sub: expect.stringMatching(/\S/),
      clientId: expect.stringMatching(/\S/),
      ip: '127.0.0.1',
      durationMs: expect.any(Number),
      requestId: response.headers.get('x-request-id'),
    });
    await response.text();
  };
  const { post } = app;
  await act(() => post('/vm/start'), 'vm_start', 'oci-flex', 'refused', 409);
  await act(() => post('/containers/nginx/restart'), 'containers_restart', 'nginx', 'success', 200);
  await act(
    () => post('/containers/nginx/stop', { token: 'read' }),
    'containers_stop',
    'nginx',
    'refused',
    403,
  );
  await act(() => post('/containers/ngnix/stop'), 'containers_stop', 'ngnix', 'refused', 404);
  await act(() => post('/containers/-x/stop'), 'containers_stop', '-x', 'refused', 400);
  await act(() => post('/trpc/vm.stop', { token: 'read' }), 'vm_stop', 'oci-flex', 'refused', 403);
  await act(() => post('/trpc/vm.stop'), 'vm_stop', 'oci-flex', 'success', 200);
  await act(() => post('/containers/nginx/start'), 'containers_start', 'nginx', 'failed', 503);
  await app.get('/vm/status');
  await app.post('/vm/stop', { token: 'none' });
  expect(await readLines(path)).toHaveLength(expected.length);
  expect((await stat(path)).mode & 0o777).toBe(0o600);

  const lines = await readAll(path);
  const admin = createClient({ url: app.url, token: app.tokens.admin });
  expect(await admin.audit.list.query({ limit: 3 })).toEqual(lines.slice(-3).reverse());
  const all = await app.request('GET', '/audit', { token: 'admin' });
  expect(await all.json()).toEqual(lines.toReversed());
  await expectApiError(await app.get('/audit'), 'FORBIDDEN');

  expect(await loggedLines(app.server, lines.length)).toEqual(lines);
});

test('the file outlives the process, and two processes share it', async () => {
  const path = newPath();
  const tokens = { read: await sandbox.tokens.read(), admin: await sandbox.tokens.admin() };
  const env = { ...sandbox.env, AUDIT_LOG_FILE: path };
  {
    await using first = await startServer(env);
    const { post } = createCaller(first.url, tokens);
    await untilStatus(200, () => post('/containers/nginx/stop'));
  }
  const before = await readAll(path);
  expect(before.slice(-2)).toMatchObject([{ outcome: 'intent' }, { outcome: 'success' }]);
  await using second = await startServer(env);
  await using third = await startServer(env);
  const callers = [second, third].map(({ url }) => createCaller(url, tokens));
  await Promise.all(
    callers.flatMap(({ post }) =>
      Array.from({ length: 10 }, () =>
        untilStatus(403, () => post('/containers/nginx/stop', { token: 'read' })),
      ),
    ),
  );
  const lines = await readAll(path);
  expect(lines.filter(({ status }) => status === 403)).toHaveLength(20);
  expect(lines.slice(0, before.length)).toEqual(before);
  for (const { request } of callers) {
    const response = await request('GET', '/audit?limit=1000', { token: 'admin' });
    expect(await response.json()).toEqual(lines.toReversed());
  }
});

test('an action that the end of the process cuts short leaves its line too', async () => {
  const path = newPath();
  const env = { AUDIT_LOG_FILE: path, SHUTDOWN_GRACE_SECONDS: '0.3' };
  await using app = await startApp({ env });
  app.sandbox.faults.oci.only = ({ operation }) => operation === 'InstanceAction';
  app.sandbox.faults.oci.hangs = true;
  const cut = app.post('/vm/stop').then(
    () => 'answered',
    () => 'cut',
  );
  await until('the action to reach OCI', () =>
    app.sandbox.oci.requests.find(({ operation }) => operation === 'InstanceAction'),
  );
  expect(await app.server.stop()).toBe(0);
  expect(await cut).toBe('cut');
  const [line, ...more] = await readLines(path);
  expect(more).toEqual([]);
  expect(line).toMatchObject({ action: 'vm_stop', outcome: 'unknown', status: 503 });
});

test('a rotated file is let go of', async () => {
  const path = newPath();
  await using app = await startAppHere({ env: { AUDIT_LOG_FILE: path } });
  await (await app.post('/vm/stop', { token: 'read' })).text();
  await rename(path, `${path}.1`);
  await (await app.post('/vm/reset', { token: 'read' })).text();
  expect((await readLines(`${path}.1`)).map(({ action }) => action)).toEqual(['vm_stop']);
  expect((await readLines(path)).map(({ action }) => action)).toEqual(['vm_reset']);
});

test('while its file cannot be written nothing is changed, reads go on, and it recovers by itself', async () => {
  const inner = await mkdtemp(join(folder, 'gone-'));
  const path = join(inner, 'audit.jsonl');
  await using app = await startAppHere({ env: { AUDIT_LOG_FILE: path } });
  await rename(inner, `${inner}-away`);
  const refused = await expectApiError(await app.post('/vm/reset'), 'SERVICE_UNAVAILABLE');
  expect(refused.details.reason).toBe('AUDIT_LOG_UNAVAILABLE');
  expect(await app.getJson('/vm/status')).toMatchObject({ lifecycleState: 'RUNNING' });
  await until('an error in the log', () =>
    app.server.logs().find(({ waitingLines }) => waitingLines !== undefined),
  );
  await rename(`${inner}-away`, inner);
  expect((await app.post('/vm/stop')).status).toBe(200);
  expect((await readLines(path)).map(summary)).toEqual([
    ['vm_reset', 'oci-flex', 'failed', 503],
    ['vm_stop', 'oci-flex', 'success', 200],
  ]);
});

test('while its file cannot be written the VM can be stopped, and with AUDIT_ON_FAILURE=log all goes on', async () => {
  for (const [onFailure, paths] of [
    ['refuse', ['/vm/stop']],
    ['log', ['/containers/nginx/restart', '/vm/stop']],
  ] as const) {
    const inner = await mkdtemp(join(folder, 'gone-'));
    const env = { AUDIT_LOG_FILE: join(inner, 'audit.jsonl'), AUDIT_ON_FAILURE: onFailure };
    await using app = await startAppHere({ env });
    await rename(inner, `${inner}-away`);
    for (const path of paths) expect((await app.post(path)).status).toBe(200);
    expect(await loggedLines(app.server, 2 * paths.length)).toContainEqual(
      expect.objectContaining({ action: 'vm_stop', outcome: 'success' }),
    );
  }
});

test('a process that is killed after the action was sent leaves the intent', async () => {
  const path = newPath();
  await using app = await startApp({ env: { AUDIT_LOG_FILE: path } });
  app.sandbox.faults.oci.only = ({ operation }) => operation === 'InstanceAction';
  app.sandbox.faults.oci.hangs = true;
  const cut = app.post('/vm/stop').catch(() => 'cut');
  await until('the action to reach OCI', () =>
    app.sandbox.oci.requests.find(({ operation }) => operation === 'InstanceAction'),
  );
  await app.server.kill();
  expect(await cut).toBe('cut');
  expect((await readAll(path)).map(summary)).toEqual([
    ['vm_stop', 'oci-flex', 'intent', undefined],
  ]);
});

test('without a file it is in the log even at LOG_LEVEL=error, and GET /audit has what the process remembers', async () => {
  await using app = await startAppHere({ env: { LOG_LEVEL: 'error' } });
  await (await app.post('/containers/nginx/restart')).text();
  const response = await app.request('GET', '/audit', { token: 'admin' });
  const lines = (await response.json()) as Line[]; // checked in the next lines
  expect(lines.map(summary)).toEqual([
    ['containers_restart', 'nginx', 'success', 200],
    ['containers_restart', 'nginx', 'intent', undefined],
  ]);
  expect(await loggedLines(app.server, 2)).toEqual(lines.toReversed());
});

test.each([
  [
    'a folder that is not there',
    async (): Promise<string> => join(folder, 'nowhere', 'audit.jsonl'),
  ],
  ['a folder', async (): Promise<string> => folder],
  ['no regular file', async (): Promise<string> => '/dev/null'],
  [
    'a folder where nothing may be made',
    async (): Promise<string> => {
      const locked = await mkdtemp(join(folder, 'locked-'));
      await chmod(locked, 0o500);
      return process.getuid?.() === 0 ? '/proc/audit.jsonl' : join(locked, 'audit.jsonl');
    },
  ],
] as const)('AUDIT_LOG_FILE in %s ends the start with exit code 2', async (_, makePath) => {
  const path = await makePath();
  const bin = fileURLToPath(
    new URL('../../../packages/server/bin/ondemand-server.js', import.meta.url),
  );
  const { exitCode, stdout, stderr } = await run([process.execPath, bin], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...sandbox.env, AUDIT_LOG_FILE: path },
  });
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^ {2}AUDIT_LOG_FILE: /m);
});
