// What a collector gets, over OTLP in JSON, of requests to a server whose services are told here.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { AppError } from '@ondemand/core';
import { expect, onTestFinished, test } from 'vitest';
import { parseConfig, requireConfig } from '../config/variables.ts';
import { endAtOnce } from '../testing/end-at-once.test-support.ts';
import { startTestServer } from '../testing/test-server.test-support.ts';
import { createTracing } from './tracing.ts';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly status: { readonly code: number };
}

interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { spans: readonly Span[] }[] }[];
}

const required = {
  OIDC_ISSUER: 'https://auth.example.com',
  OIDC_AUDIENCE: 'api',
  OCI_INSTANCE_ID: 'ocid1.instance.oc1.eu-frankfurt-1.abc',
};

/** Disposing sends what has ended. */
async function start(env: Readonly<Record<string, string>> = {}, status = 200) {
  const spans: Span[] = [];
  const collector = createServer(async (request, response) => {
    const { resourceSpans } = (await json(request)) as Export; // what is not so fails the test
    spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((of) => of.spans)));
    response.writeHead(status).end('{}');
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  onTestFinished(() => {
    collector.closeAllConnections();
    collector.close();
  });
  const failures: unknown[] = [];
  const { port } = collector.address() as AddressInfo; // a TCP listener's address
  const endpoint = `http://127.0.0.1:${port}`;
  const tracing = createTracing({
    ...requireConfig(parseConfig({ ...required, ...env })),
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    onFailure: (error) => failures.push(error),
  });
  return { tracing, spans, failures };
}

test('a POST with a body, a refusal, a failure and a stream that is left are a span each, with its calls below it', async () => {
  const { tracing, spans } = await start();
  const ids: unknown[] = [];
  const server = await startTestServer(
    {
      vm: {
        async stop() {
          ids.push(tracing.toLogFields().span_id);
          tracing.onOciRequest('InstanceAction', '409', 5);
          throw new AppError('CONFLICT', 'It is stopped');
        },
        async status() {
          tracing.onOciRequest('GetInstance', 'timeout', 5);
          throw new AppError('SERVICE_UNAVAILABLE', 'OCI does not answer');
        },
      },
      events: {
        async watch() {
          tracing.onDockerRequest({ operation: 'events', status: 200, durationMs: 5 });
          return Object.assign(new ReadableStream().values(), { position: undefined });
        },
      },
    },
    { watch: tracing.watch },
  );
  const body = JSON.stringify({ soft: true });
  const headers = { 'content-type': 'application/json' };
  await (await server.ask('/vm/stop', { method: 'POST', as: 'admin', body, headers })).text();
  await (await server.ask('/vm/status', { as: 'read' })).text();
  await (await server.ask('/vm/status')).text();
  await (await server.ask('/nowhere', { as: 'read' })).text();
  await (await server.ask('/healthz')).text();
  const leaving = new AbortController();
  await server.ask('/events', { as: 'read', signal: leaving.signal });
  leaving.abort();
  await endAtOnce(server);
  await tracing[Symbol.asyncDispose]();

  const byName = (name: string) => spans.filter((span) => span.name === name);
  const [stop] = byName('POST /vm/stop');
  expect(ids).toEqual([stop?.spanId]);
  const requests = spans.filter(({ parentSpanId }) => !parentSpanId);
  expect(requests.map(({ name, status }) => `${name} ${status.code}`).sort()).toEqual([
    'GET /events 0',
    'GET /vm/status 0', // refused
    'GET /vm/status 2',
    'GET 0',
    'POST /vm/stop 0', // a conflict is no failure of the server
  ]);
  for (const [name, of] of [
    ['OCI InstanceAction', stop],
    ['OCI GetInstance', byName('GET /vm/status').find(({ status }) => status.code === 2)],
    ['Docker events', byName('GET /events')[0]],
  ] as const)
    expect(byName(name)).toEqual([
      expect.objectContaining({ parentSpanId: of?.spanId, traceId: of?.traceId }),
    ]);
  expect(byName('OCI InstanceAction')[0]?.status.code).toBe(2);
});

const sampled = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
test.each([
  [{ OTEL_TRACES_SAMPLER: 'always_off' }, sampled, 0],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, sampled, 1],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, '', 0],
  [{}, sampled.replace(/1$/, '0'), 0],
  [{}, 'not a traceparent', 1],
])(
  'with %j and the traceparent %j there are so many spans: %i',
  async (env, traceparent, count) => {
    const { tracing, spans } = await start(env);
    const server = await startTestServer({}, { watch: tracing.watch });
    await (await server.ask('/whoami', { as: 'read', headers: { traceparent } })).text();
    await server[Symbol.asyncDispose]();
    await tracing[Symbol.asyncDispose]();
    expect(spans).toHaveLength(count);
  },
);

test('a collector that refuses is told, and holds up no end', async () => {
  const { tracing, failures } = await start({}, 400);
  tracing.onDockerRequest({ operation: 'list', durationMs: 1 });
  await tracing[Symbol.asyncDispose]();
  expect(failures.length).toBeGreaterThan(0);
});

test('its headers and attributes are pairs, and its sampler is one that there is', () => {
  const { config, problems } = parseConfig({
    ...required,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic%20YWJj, x-tenant=a=b',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment',
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_TRACES_SAMPLER_ARG: '2',
  });
  expect(config.OTEL_EXPORTER_OTLP_HEADERS).toEqual({
    authorization: 'Basic YWJj',
    'x-tenant': 'a=b',
  });
  expect(problems.map((problem) => problem.split(':')[0])).toEqual([
    'OTEL_RESOURCE_ATTRIBUTES',
    'OTEL_TRACES_SAMPLER',
    'OTEL_TRACES_SAMPLER_ARG',
  ]);
});
