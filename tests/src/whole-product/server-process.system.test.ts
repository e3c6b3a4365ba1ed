// The server as a process: what it says of a wrong configuration, and how it ends.

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startSandbox } from '@ondemand/sandbox';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { run } from '../support/run.ts';
import { openSse } from '../support/sse.ts';
import { startServerHere } from '../support/start-api-in-this-process.ts';
import { startServer } from '../support/start-api-process.ts';
import { type App, startApp, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

const bin = fileURLToPath(
  new URL('../../../packages/server/bin/ondemand-server.js', import.meta.url),
);
const runServer = (env: Record<string, string>, ...args: string[]) =>
  run([process.execPath, bin, ...args], {
    env: { PATH: process.env.PATH, HOME: '/nonexistent', ...env },
  });

/** For tests that change nothing in its world. */
let shared: App;
beforeAll(() =>
  openSuite(async (opened) => {
    shared = opened.use(await startAppHere());
  }),
);

test('a wrong configuration is told all at once, by variable, with exit code 2 and nothing on stdout', async () => {
  const { exitCode, stdout, stderr } = await runServer({
    PORT: 'http',
    OIDC_ISSUER: 'auth.example.com',
    OCI_INSTANCE_ID: 'ocid1.instance.oc1..abc',
    SSH_HOST_KEY_FINGERPRINT: 'aa:bb',
  });
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  for (const name of [
    'PORT',
    'OIDC_ISSUER',
    'OIDC_AUDIENCE',
    'OCI_CONFIG_FILE',
    'SSH_PRIVATE_KEY_FILE',
    'SSH_HOST_KEY_FINGERPRINT',
  ])
    expect(stderr).toMatch(new RegExp(`^  ${name}: `, 'm'));
  expect(stderr).not.toMatch(/OCI_INSTANCE_ID:|aa:bb|\n {4}at /);
});

test('what must be fixed stands apart from what is only warned of', async () => {
  const { stderr } = await runServer({ OIDC_AUDIENCE: 'x', HOST: '[::1]' });
  const [problems = '', warnings = ''] = stderr.split(
    'Warnings, which do not keep it from starting:',
  );
  const namesIn = (text: string) =>
    [...text.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name]) => name);
  expect(namesIn(problems)).toEqual(['HOST', 'OIDC_ISSUER', 'OCI_INSTANCE_ID']);
  expect(namesIn(warnings)).toContain('COMPOSE_ROOTS');
});

test('an address with a zone can be listened on, and is told without it in the URL', async () => {
  await using server = await startServer({ ...shared.sandbox.env, HOST: '::1%lo' });
  const told = server.logs().find(({ msg }) => msg === 'listening');
  expect(told?.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
});

test.each([
  ['of no use', 'DEFAULT', /^ {2}OCI_CONFIG_PROFILE: .*DEFAULT.* lacks tenancy/m],
  ['that is not there', 'OTHER', /^ {2}OCI_CONFIG_PROFILE: no profile 'DEFAULT'/m],
])('a given OCI_CONFIG_FILE with a DEFAULT %s is exit code 2', async (_, profile, words) => {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-oci-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'config');
  await writeFile(file, `[${profile}]\nregion=eu-frankfurt-1\n`);
  const { exitCode, stderr } = await runServer({
    OIDC_ISSUER: 'http://127.0.0.1:1',
    OIDC_AUDIENCE: 'https://ondemand.test',
    OCI_INSTANCE_ID: 'ocid1.instance.oc1..abc',
    OCI_CONFIG_FILE: file,
  });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(words);
});

test.each([[['--port', '1']], [['stray']]])(
  'arguments %j are refused with exit code 2',
  async (args) => {
    const { exitCode, stderr } = await runServer({}, ...args);
    expect(exitCode).toBe(2);
    expect(stderr).not.toMatch(/\n {4}at /);
  },
);

test('--help lists every variable', async () => {
  const { exitCode, stdout } = await runServer({}, '--help');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/OIDC_ISSUER .*required/);
});

test('a port in use is one line and exit code 1', async () => {
  const { port } = new URL(shared.url);
  const { exitCode, stderr } = await runServer({
    ...shared.sandbox.env,
    HOST: '127.0.0.1',
    PORT: port,
  });
  expect(exitCode).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain(`Port ${port}`);
});

test('a HOST that is not of this machine is told by its name, with exit code 2', async () => {
  // For documentation alone: https://www.rfc-editor.org/rfc/rfc5737
  const { exitCode, stderr } = await runServer({ ...shared.sandbox.env, HOST: '192.0.2.1' });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^ {2}HOST: /m);
});

test('what is set and cannot be used ends the start; a default that cannot is told in the log', async () => {
  const { SSH_PRIVATE_KEY_FILE, SSH_KNOWN_HOSTS_FILE, ...env } = shared.sandbox.env;
  const refused = await runServer({ ...env, SSH_PRIVATE_KEY_FILE: '/nonexistent/key' });
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toMatch(/^ {2}SSH_PRIVATE_KEY_FILE: /m);
  await using server = await startServer(env);
  const warned = server.logs().map(({ problem }) => problem);
  expect(warned).toContainEqual(expect.stringMatching(/^SSH_PRIVATE_KEY_FILE: /));
  expect(warned).toContainEqual(expect.stringMatching(/^SSH_KNOWN_HOSTS_FILE: /));
});

test('SIGTERM lets a request under way finish, then the process exits with 0', async () => {
  await using app = await startApp();
  app.sandbox.faults.oci.delayMs = 1000;
  const slow = app.get('/vm/status');
  while (app.sandbox.oci.requests.length === 0)
    await new Promise((resolve) => setImmediate(resolve));
  const stopped = app.server.stop();
  expect((await slow).status).toBe(200);
  expect(await stopped).toBe(0);
});

test('SIGTERM cuts none of 100 answers and tells 20 streams to come back, then the process exits with 0', async () => {
  await using app = await startApp({ env: { SHUTDOWN_GRACE_SECONDS: '120' } });
  const paths = ['/events', '/containers/nginx/logs/stream'];
  const streams = await Promise.all(
    Array.from({ length: 20 }, (_, index) => openSse(app, paths[index % 2] ?? '')),
  );
  app.sandbox.faults.oci.delayMs = 2000;
  app.sandbox.oci.clear();
  const answers = await Promise.all(Array.from({ length: 100 }, () => sendStatusRequest(app)));
  await until('OCI to be asked', () => app.sandbox.oci.requests.length > 0);
  expect(await app.server.stop()).toBe(0);
  for (const answer of answers) {
    const [head = '', body = ''] = (await answer()).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect(JSON.parse(body)).toMatchObject({ lifecycleState: 'RUNNING' });
  }
  for (const stream of streams) {
    await stream.rest();
    expect(stream.text()).toMatch(/retry: 1[0-5]\d{3}\n\n$/);
    expect(stream.text()).not.toMatch(/event: (?:end|failure)/);
    await stream[Symbol.asyncDispose]();
  }
});

/** Resolves once it is sent, with what gives all that comes back. */
async function sendStatusRequest({ url, tokens }: App): Promise<() => Promise<string>> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  await once(socket, 'connect');
  const answer = socket.toArray().then((chunks) => Buffer.concat(chunks).toString());
  const lines = ['GET /vm/status HTTP/1.1', 'host: x', `authorization: Bearer ${tokens.read}`];
  await new Promise((resolve) => socket.write(`${lines.join('\r\n')}\r\n\r\n`, resolve));
  return () => answer;
}

test('the grace period ends requests that take longer', async () => {
  await using app = await startApp({
    env: { SHUTDOWN_GRACE_SECONDS: '0.3', OCI_TIMEOUT_SECONDS: '60' },
  });
  app.sandbox.faults.oci.hangs = true;
  const hung = app.get('/vm/status').then(
    () => 'answered',
    () => 'cut',
  );
  while (app.sandbox.oci.requests.length === 0)
    await new Promise((resolve) => setImmediate(resolve));
  expect(await app.server.stop({ timeoutMs: 45_000 })).toBe(0);
  expect(await hung).toBe('cut');
});

test('an issuer that is down at start is 503 for tokens and for readiness, and recovers by itself', async () => {
  await using sandbox = await startSandbox();
  const token = await sandbox.tokens.read();
  sandbox.faults.oidc.status = 500;
  await using server = await startServerHere(sandbox.env);
  const ask = () =>
    fetch(`${server.url}/vm/status`, { headers: { authorization: `Bearer ${token}` } });
  const refused = await ask();
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('5');
  for (let probes = 0; probes < 3; probes += 1)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  // The start's own question is the first to meet it.
  const told = () => server.logs().filter(({ msg }) => /no token can be checked/.test(String(msg)));
  await until('the failure to be logged', () => told().length > 0);
  expect(told()).toHaveLength(1);
  expect(JSON.stringify(server.logs())).not.toMatch(/healthz|readyz|\n {4}at /);
});

test('--health tells by its exit code whether the server answers, with nothing of the server loaded', async () => {
  const { port } = new URL(shared.url);
  const trace = { PORT: port, HOST: '0.0.0.0', NODE_DEBUG: 'esm' };
  const healthy = await runServer(trace, '--health');
  expect(healthy).toMatchObject({ exitCode: 0, stdout: '' });
  const loaded = [...healthy.stderr.matchAll(/bundle\/([\w-]+)\.js/g)].map(([, name]) => name);
  expect(new Set(loaded)).not.toContain('main');
  expect(loaded).toContain('health-command');
  const unhealthy = await runServer({ PORT: '1' }, '--health');
  expect(unhealthy).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'http://127.0.0.1:1/healthz gave no answer (ECONNREFUSED)\n',
  });
});
