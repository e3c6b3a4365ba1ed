// Programs that judge an API by its document: prism before it, spectral, redocly, and newman with what Postman makes of it.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '@ondemand/sandbox';
import { beforeAll, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { run } from '../support/run.ts';
import { type App, createCaller, startApp } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { describeWith } from './describe-or-skip.ts';
import { hangBuild } from './endless-build.ts';
import { findNpmTool } from './fetch-npm-tool.ts';

interface ApiDocument {
  readonly paths: Record<string, Record<string, { readonly operationId: string }>>;
}

const prism = await findNpmTool({ '@stoplight/prism-cli': '5.14.2' });
const spectral = await findNpmTool({ '@stoplight/spectral-cli': '6.16.3' });
const redocly = await findNpmTool({ '@redocly/cli': '2.77.0' });
const newman = await findNpmTool({ newman: '6.2.2', 'openapi-to-postmanv2': '6.3.3' });

let app: App;
let folder = '';
let file = '';
let document: ApiDocument;
beforeAll(() =>
  openSuite(async (opened) => {
    app = opened.use(await startApp());
    folder = await mkdtemp(join(tmpdir(), 'ondemand-judges-'));
    opened.add(() => rm(folder, { recursive: true }));
    file = join(folder, 'openapi.json');
    const text = await (await app.get('/openapi.json')).text();
    await writeFile(file, text);
    document = JSON.parse(text) as ApiDocument; // as OpenAPI has it
  }),
);

describeWith(prism, 'prism proxy --errors', (tool) => {
  let caller: ReturnType<typeof createCaller>;
  beforeAll(() =>
    openSuite(async (opened) => {
      const port = await findFreePort();
      const command = [...tool.command('prism'), 'proxy', '--errors', '-p', String(port)];
      const proxy = start([...command, file, app.url]);
      opened.add(proxy.stop);
      const url = `http://127.0.0.1:${port}`;
      await until('prism to listen', () => proxy.output().includes('is listening'));
      caller = createCaller(url, { read: app.tokens.admin, admin: app.tokens.admin });
    }),
  );

  const json = { 'content-type': 'application/json' };
  test('finds nothing in any operation, nor in its refusals', async () => {
    const seen = new Set<string>();
    const call = async (
      line: string,
      expected: number,
      { headers = {}, body }: { headers?: Record<string, string>; body?: string } = {},
    ) => {
      const [method = '', path = ''] = line.split(' ');
      const options = { headers, ...(body !== undefined && { body }) };
      const response = await caller.request(method, path, options);
      const text = await response.text();
      expect(`${response.status} ${response.status === expected ? '' : text}`, line).toBe(
        `${expected} `,
      );
      expect(response.headers.get('sl-violations'), line).toBeNull();
      if (expected < 300) seen.add(toOperation(document, method, path));
      return text;
    };

    const reads = ['/vm/status', '/containers', '/whoami', '/audit', '/audit?limit=5', '/jobs'];
    const ofVm = ['/vm/ready', '/vm/ready/stream', '/vm/idle', '/vm/address', '/vm/console'];
    for (const path of [...reads, ...ofVm, '/vm/console?lines=5', '/diagnose'])
      await call(`GET ${path}`, 200);
    const minutes = { headers: json, body: '{"minutes":5,"reason":"prism"}' };
    const { id } = JSON.parse(await call('POST /vm/leases', 200, minutes)) as { id: string };
    await call(`DELETE /vm/leases/${id}`, 200);
    await call(`DELETE /vm/leases/${id}`, 404);
    await call('POST /vm/wake', 200);
    await call('POST /vm/wake', 200, minutes);
    for (const verb of ['status', 'logs', 'logs?lines=3', 'inspect', 'stats'])
      await call(`GET /containers/nginx/${verb}`, 200);
    for (const accept of ['text/plain', 'application/json, text/plain, */*'])
      await call('GET /containers/nginx/logs', 200, { headers: { accept } });

    for (const verb of ['stop', 'start', 'restart', 'rebuild']) {
      await call(`POST /containers/nginx/${verb}`, 200);
      await call(`POST /containers/nginx/${verb}`, 200, { headers: json, body: '{}' });
      await call(`POST /containers/nginx/${verb}`, 200, { headers: json });
    }
    await hangBuild(app, 'it hangs');
    const waited = await call('POST /containers/nginx/rebuild', 202, {
      headers: { prefer: 'respond-async' },
    });
    const { job } = JSON.parse(waited) as { job: string };
    await call(`POST /jobs/${job}/cancel`, 200);
    await call(`POST /jobs/${job}/cancel`, 409);
    await hangBuild(app, 'it hangs again');
    await call('POST /containers/nginx/rebuild', 202, { headers: { prefer: 'wait=1' } });
    await call('POST /containers/nginx/rebuild', 409);
    await call(`GET /jobs/${job}`, 200);
    await call('GET /jobs', 200);

    for (const accept of ['text/event-stream', 'text/plain', '*/*']) {
      const headers = { accept };
      await call(`GET /jobs/${job}/output`, 200, { headers });
      const query = 'tail=3&follow=false&timestamps=true&since=10m';
      await call(`GET /containers/nginx/logs/stream?${query}`, 200, { headers });
    }
    await call('GET /events?follow=false', 200);

    await call('GET /containers/ngnix/status', 404);
    await call('POST /containers/ngnix/rebuild', 404);
    await call('GET /containers/ngnix/logs/stream', 404);
    await call('GET /jobs/none', 404);
    await call('POST /vm/start', 409);

    const isRunning = async (state: string) =>
      (await (await app.get('/vm/status')).text()).includes(`"${state}"`);
    await call('POST /vm/reboot', 200, { headers: json, body: '{}' });
    await until('the VM to run again', () => isRunning('RUNNING'));
    await call('POST /vm/reset', 200);
    await until('the VM to run again', () => isRunning('RUNNING'));
    await call('POST /vm/stop', 200, { headers: json, body: '{"soft":true}' });
    await until('the VM to stop', () => isRunning('STOPPED'));
    await call('GET /containers', 503);
    await call('POST /vm/start', 200);
    await until('the VM to run again', () => isRunning('RUNNING'));

    const all = Object.values(document.paths).flatMap((item) =>
      Object.values(item).map(({ operationId }) => operationId),
    );
    expect([...seen].sort()).toEqual(all.sort());
  });
});

describeWith(spectral, 'spectral', (tool) => {
  test('finds nothing but scopes on a bearer scheme, which OpenAPI 3.1 allows, and that no contact is named', async () => {
    const rules = join(folder, 'spectral.json');
    await writeFile(
      rules,
      JSON.stringify({
        extends: ['spectral:oas'],
        rules: { 'info-contact': 'off', 'oas3-operation-security-defined': 'off' },
      }),
    );
    const command = [...tool.command('spectral'), 'lint', file, '--ruleset', rules];
    expect(await run([...command, '--fail-severity', 'hint'])).toMatchObject({ exitCode: 0 });
  });
});

describeWith(redocly, 'redocly', (tool) => {
  test.each(['spec', 'recommended-strict'])('finds nothing by its rules %s', async (rules) => {
    const result = await run(
      [
        ...[...tool.command('redocly'), 'lint', `--extends=${rules}`],
        // This deployment's own URL is one of loopback.
        ...['--skip-rule=no-server-example.com', file],
      ],
      { cwd: folder, env: { ...process.env, REDOCLY_TELEMETRY: 'off', CI: 'true' } },
    );
    expect(result).toMatchObject({ exitCode: 0 });
  });
});

describeWith(newman, 'newman', (tool) => {
  test('with the examples of the document is refused no request', async () => {
    const collection = join(folder, 'collection.json');
    const results = join(folder, 'results.json');
    const convert = [...tool.command('openapi2postmanv2'), '-s', file, '-o', collection];
    expect(await run([...convert, '-O', 'parametersResolution=Example'])).toMatchObject({
      exitCode: 0,
    });
    const result = await run([
      ...[...tool.command('newman'), 'run', collection, '--timeout-request', '30000'],
      ...['--env-var', `baseUrl=${app.url}`, '--env-var', `bearerToken=${app.tokens.admin}`],
      ...['--reporters', 'json', '--reporter-json-export', results],
    ]);
    expect(result).toMatchObject({ exitCode: 0 });
    const { run: report } = JSON.parse(await readFile(results, 'utf8')) as {
      run: { executions: { item: { name: string }; response?: { code: number } }[] };
    };
    const codes = report.executions.map(
      ({ item, response }) => `${response?.code} ${item.name}`, // none where it was not answered
    );
    expect(codes.length).toBeGreaterThan(20);
    // What depends on the order: the VM runs or not, the job is not there.
    expect(codes.filter((line) => !/^(?:200|202|404|409|503) /.test(line))).toEqual([]);
  });
});

function toOperation({ paths }: ApiDocument, method: string, path: string): string {
  const [bare = ''] = path.split('?');
  const found = Object.entries(paths).find(([template]) =>
    new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(bare),
  );
  return found?.[1][method.toLowerCase()]?.operationId ?? `${method} ${path}`;
}

function start([command = '', ...args]: readonly string[]) {
  const child: ChildProcess = spawn(command, args, {
    env: { ...process.env, NODE_ENV: 'development' }, // one process
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let written = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      written += text;
    });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    output: () => written,
    stop: () => {
      child.kill('SIGKILL');
      return closed;
    },
  };
}
