// What Prometheus reads of a server that does its work, by the names of section 9 of the contract, and what a collector of traces gets of it.

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '@ondemand/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, startApp } from '../support/start-sandbox-and-api.ts';
import { startTraceReceiver, type TraceReceiver } from '../support/trace-receiver.ts';
import { until } from '../support/until.ts';

let app: App;
let port = 0;
let folder = '';
let traces: TraceReceiver;

beforeAll(async () => {
  port = await findFreePort();
  folder = await mkdtemp(join(tmpdir(), 'ondemand-metrics-'));
  traces = await startTraceReceiver();
  const env = {
    METRICS_PORT: String(port),
    AUDIT_LOG_FILE: join(folder, 'audit.log'),
    OTEL_EXPORTER_OTLP_ENDPOINT: traces.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=home%20server',
    OTEL_SERVICE_NAME: 'ondemand-test',
    OTEL_BSP_SCHEDULE_DELAY: '100',
  };
  app = await startApp({ env });
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await traces[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function scrape(path = '/metrics', init: RequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}${path}`, init);
}

/** Of the sample whose line begins so, or undefined. */
async function read(sample: string): Promise<number | undefined> {
  const lines = (await (await scrape()).text()).split('\n');
  const line = lines.find((each) => each.startsWith(`${sample} `));
  return line === undefined ? undefined : Number(line.slice(sample.length + 1));
}

test('a request is one trace with what is asked of SSH, OCI and Docker for it, the one that its traceparent names', async () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
  await (await app.get('/readyz')).text();
  await (await app.get('/containers/nginx/status', { headers: { traceparent } })).text();
  const spans = await until('the spans of the request', () => {
    const found = traces.spans.filter((span) => span.traceId === traceId);
    return found.some(({ name }) => name.startsWith('GET ')) ? found : undefined;
  });
  const request = spans.find(({ parentSpanId }) => parentSpanId === 'b7ad6b7169203331');
  expect(request).toMatchObject({
    name: 'GET /containers/:name/status',
    service: 'ondemand-test',
    headers: { 'x-tenant': 'home server' },
    attributes: {
      'http.request.method': 'GET',
      'http.route': '/containers/:name/status',
      'http.response.status_code': 200,
      'ondemand.operation': 'containers_status',
    },
  });
  const inside = spans.filter(({ parentSpanId }) => parentSpanId === request?.spanId);
  expect(inside.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['SSH connect', 'OCI GetInstance', 'Docker ping', 'Docker list']),
  );
  expect(JSON.stringify(traces.spans)).not.toMatch(/nginx|readyz|Bearer/);
  const line = app.server.logs().find(({ route }) => route === '/containers/:name/status');
  expect(line).toMatchObject({ trace_id: traceId, span_id: request?.spanId });
});

test('requests, the VM, its connection and the requests behind them are counted', async () => {
  await app.getJson('/containers');
  await (await app.get('/containers/nothing/status')).text();
  const answer = await scrape();
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  for (const line of [
    'ondemand_http_requests_total{method="GET",route="/containers",status="200"} 1',
    'ondemand_http_requests_total{method="GET",route="/containers/:name/status",status="404"} 1',
    'ondemand_http_request_duration_seconds_count{method="GET",route="/containers"} 1',
    'ondemand_ssh_connected 1',
    'ondemand_ssh_connects_total 1',
    'ondemand_vm_state{state="RUNNING"} 1',
    'ondemand_vm_state{state="STOPPED"} 0',
    'ondemand_jobs_running 0',
    'ondemand_issuer_up 1',
    'ondemand_audit_writable 1',
    'ondemand_vm_wake_seconds_count{stage="docker"} 0',
  ])
    expect(text.split('\n')).toContain(line);
  expect(text).toMatch(
    /^ondemand_oci_requests_total\{operation="GetInstance",outcome="200"\} [1-9]/m,
  );
  expect(text).toMatch(/^ondemand_docker_requests_total\{operation="list",outcome="200"\} [1-9]/m);
  expect(text).toMatch(/^process_resident_memory_bytes [1-9]/m);
  expect(text).not.toContain('nothing'); // neither names nor queries are labels
});

test.each(['prometheus/alerts.yaml', 'grafana/ondemand.json'])(
  'deploy/%s asks for nothing that is not served',
  async (file) => {
    const served = new Set(
      (await (await scrape()).text()).split('\n').flatMap((line) => {
        const [, name = '', type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
        if (type !== 'histogram') return [name];
        return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
      }),
    );
    const text = await readFile(new URL(`../../../deploy/${file}`, import.meta.url), 'utf8');
    const asked = text.match(/\b(?:ondemand|process|nodejs)_\w+/g) ?? [];
    expect(asked.length).toBeGreaterThan(8);
    expect(asked.filter((name) => !served.has(name))).toEqual([]);
  },
);

test('an audit that cannot be written is told', async () => {
  await rm(folder, { recursive: true });
  expect(await read('ondemand_audit_writable')).toBe(0);
  await mkdir(folder);
  expect(await read('ondemand_audit_writable')).toBe(1);
});

test('the time on and the time used grow from scrape to scrape', async () => {
  const before = (await read('ondemand_vm_on_seconds_total')) ?? 0;
  await until(
    'time to pass',
    async () => ((await read('ondemand_vm_on_seconds_total')) ?? 0) > before,
  );
  expect(await read('ondemand_vm_used_seconds_total')).toBeDefined();
});

test('a wake is timed by stage', async () => {
  await (await app.post('/vm/stop')).text();
  await until(
    'the VM to be off',
    async () => (await read('ondemand_vm_state{state="STOPPED"}')) === 1,
  );
  expect(await read('ondemand_ssh_connected')).toBe(0);
  expect((await app.post('/vm/wake')).status).toBe(200);
  for (const stage of ['vm', 'ssh', 'docker'])
    await until(
      `the stage ${stage} to be counted`,
      async () => (await read(`ondemand_vm_wake_seconds_count{stage="${stage}"}`)) === 1,
    );
});

test('the port serves nothing else, and the API no metrics', async () => {
  expect((await scrape('/containers')).status).toBe(404);
  expect((await scrape('/metrics', { method: 'POST' })).status).toBe(405);
  expect((await app.get('/metrics')).status).toBe(404);
});
