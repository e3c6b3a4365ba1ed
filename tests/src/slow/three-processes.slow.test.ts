// Three processes of the API behind nginx and haproxy as deploy/several-processes configures them, in round robin: what one began, the others go on with.

import type { IdleVerdict, Job } from '@ondemand/client';
import { EventSource } from 'eventsource';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { openSse, type SseStream } from '../support/sse.ts';
import { type ServerProcess, startServer } from '../support/start-api-process.ts';
import { proxyProblem, startBalancer } from '../support/start-proxy.ts';
import { type AppProcess, createCaller, startApp } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { hangBuild } from './endless-build.ts';

type Caller = ReturnType<typeof createCaller>;

const kinds = ['nginx', 'haproxy'] as const;
const problem = proxyProblem(kinds);
const suite = problem === undefined ? describe : describe.skip;
const note = problem === undefined ? '' : ` [skipped: proxies, ${problem}]`;
const portOf = ({ url }: { readonly url: string }) => Number(new URL(url).port);
const env = { TRUST_PROXY: '127.0.0.1' };
const json = { 'content-type': 'application/json' };

suite(`three processes${note}`, () => {
  let app: AppProcess;
  let servers: ServerProcess[] = [];
  const callers = new Map<(typeof kinds)[number], Caller>();
  beforeAll(() =>
    openSuite(async (opened) => {
      app = opened.use(await startApp({ env }));
      servers = [app.server];
      opened.add(async () => {
        const own = servers.filter((each) => each !== app.server);
        await Promise.all(own.map((each) => each[Symbol.asyncDispose]()));
      });
      while (servers.length < 3) servers.push(await startServer({ ...app.sandbox.env, ...env }));
      const [first = 0, second = 0, third = 0] = servers.map(portOf);
      for (const kind of kinds) {
        const proxy = await startBalancer(kind, { targetPorts: [first, second, third] });
        callers.set(kind, createCaller(opened.use(proxy).url, app.tokens));
      }
    }),
  );
  afterAll(() => {
    app?.sandbox.faults.reset();
  });

  describe.each(kinds)('behind %s', (kind) => {
    const caller = () => callers.get(kind) as Caller; // which beforeAll has made
    const askEach = <T>(path: string) => Promise.all(servers.map(() => caller().getJson<T>(path)));

    test('take their turns', async () => {
      const countOf = (server: ServerProcess) =>
        server.logs().filter(({ route }) => route === '/whoami').length;
      const before = servers.map(countOf);
      for (let round = 0; round < 6; round += 1) await caller().getJson('/whoami');
      await until('each to have answered', () =>
        servers.every((server, index) => countOf(server) > (before[index] ?? 0)),
      );
    });

    test('share a job: its state, its output and its lock', async () => {
      const post = () =>
        caller().post('/containers/nginx/rebuild', { headers: { prefer: 'respond-async' } });
      await hangBuild(app, `it hangs behind ${kind}`);
      const started = await post();
      expect(started.status).toBe(202);
      const { job } = (await started.json()) as { job: string };
      const refused = await post();
      expect(refused.status).toBe(409);
      expect(await refused.json()).toMatchObject({ details: { job } });
      for (const { state } of await askEach<Job>(`/jobs/${job}`)) expect(state).toBe('running');
      await using output = await openSse(caller(), `/jobs/${job}/output`);
      await caller().postJson(`/jobs/${job}/cancel`);
      expect((await output.rest()).map(({ data }) => data).join('')).toContain('hangs behind');
      for (const { state } of await askEach<Job>(`/jobs/${job}`)) expect(state).toBe('cancelled');
    });

    test('share leases', async () => {
      const body = JSON.stringify({ minutes: 90, reason: kind });
      const taken = await caller().post('/vm/leases', { body, headers: json });
      const { id } = (await taken.json()) as { id: string };
      for (const { leases } of await askEach<IdleVerdict>('/vm/idle'))
        expect(leases).toContainEqual(expect.objectContaining({ id, reason: kind }));
      expect((await caller().request('DELETE', `/vm/leases/${id}`)).status).toBe(200);
      for (const { leases } of await askEach<IdleVerdict>('/vm/idle'))
        expect(leases.map((lease) => lease.id)).not.toContain(id);
    });

    test('go on with events of another as far as one can know, and say resync where not', async () => {
      await using first = await openSse(caller(), '/events');
      await caller().postJson('/containers/nginx/restart');
      const seen = await first.next();
      const lastEventId = seen?.id ?? '';
      const streams: SseStream[] = [];
      for (const _ of servers) streams.push(await openSse(caller(), '/events', { lastEventId }));
      await caller().postJson('/containers/nginx/restart');
      const resyncs = await Promise.all(
        streams.map(async (stream) => {
          const types = await readTo(stream, 'container');
          await stream[Symbol.asyncDispose]();
          return types.filter((type) => type === 'resync').length;
        }),
      );
      expect(resyncs.sort()).toEqual([0, 1, 1]);
    });

    test('go on with the log of a container, every line once', async () => {
      const lines: string[] = [];
      let lastEventId: string | undefined;
      for (let hop = 0; hop < 4; hop += 1) {
        const path = '/containers/nginx/logs/stream?tail=5';
        await using log = await openSse(caller(), path, { lastEventId });
        for (let count = 0; count < 3; count += 1) {
          const message = await log.next();
          lastEventId = message?.id;
          lines.push((JSON.parse(message?.data ?? '{}') as { line: string }).line);
        }
      }
      const { logs } = await caller().getJson<{ logs: string }>('/containers/nginx/logs?lines=500');
      // Docker keeps what was written to stderr meanwhile in an order of its own.
      const isOut = (line: string) => !line.includes(' [error] ');
      expect(logs.split('\n').filter(isOut).join('\n')).toContain(lines.filter(isOut).join('\n'));
      expect(new Set(lines).size).toBe(lines.length);
    });
  });

  test('are restarted one after the other without a failed request', async () => {
    const failures: string[] = [];
    const rested = new AbortController();
    let answered = 0;
    const loops = kinds.flatMap((kind) => {
      const caller = callers.get(kind) as Caller;
      const requests = [
        () => caller.get('/containers'),
        () => caller.get('/vm/status'),
        () => caller.post('/containers/nginx/start'),
      ];
      return requests.map(async (request) => {
        while (!rested.signal.aborted) {
          const text = await request().then(
            async (response) => `${response.status} ${await response.text()}`,
            (error: Error) => `${error.message} ${error.cause}`,
          );
          answered += 1;
          if (!text.startsWith('200 ')) failures.push(`${kind}: ${request}: ${text}`);
        }
      });
    });
    const sources = kinds.map((kind) => openEvents(callers.get(kind) as Caller));
    await hangBuild(app, 'it hangs over restarts');
    const path = '/containers/nginx/rebuild';
    const waiting = (callers.get('nginx') as Caller).post(path, { headers: { prefer: 'wait=60' } });
    await until('the build to run', async () => {
      const jobs = await app.getJson<Job[]>('/jobs').catch(() => []);
      return jobs.some(({ state }) => state === 'running');
    });

    for (const [index, server] of servers.entries()) {
      const before = answered;
      expect(await server.stop()).toBe(0);
      await until('requests to be answered without it', () => answered > before + 12);
      const again = { ...app.sandbox.env, ...env, PORT: String(portOf(server)) };
      servers[index] = await startServer(again);
      await (await fetch(`${server.url}/readyz`)).text();
      await until('requests to be answered with it', () => answered > before + 24);
    }
    // Answered before the build has ended, as the process that was asked had to go.
    const rebuild = await waiting;
    expect(rebuild.status).toBe(202);
    const { job } = (await rebuild.json()) as { job: string };
    await (callers.get('nginx') as Caller).postJson(`/jobs/${job}/cancel`);
    for (const source of sources) {
      await until('the events to be read again', () => source.resyncs() > 0);
      source.close();
    }
    rested.abort();
    await Promise.all(loops);
    expect(failures).toEqual([]);
  });

  test('send one stop, whoever of them is asked at the same time', async () => {
    const asked = [...callers.values(), ...callers.values()].map((each) => each.post('/vm/stop'));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.sort()).toEqual([200, 409, 409, 409]);
    const stops = app.sandbox.oci.requests.filter(({ action, status }) => action && status === 200);
    expect(stops.map(({ action }) => action)).toEqual(['STOP']);
  });
});

/** The types of the events up to the first of that type. */
async function readTo(stream: SseStream, type: string): Promise<string[]> {
  const types: string[] = [];
  while (types.at(-1) !== type) types.push((await stream.next())?.event ?? type);
  return types;
}

/** As a browser's page reads them: any answer but 200 would close it for good. */
function openEvents({ url, tokens }: Caller) {
  let resyncs = 0;
  const source = new EventSource(`${url}/events`, {
    fetch: (input, init) =>
      fetch(input, {
        ...init,
        headers: { ...init?.headers, authorization: `Bearer ${tokens.read}` },
      }),
  });
  source.addEventListener('resync', () => {
    resyncs += 1;
  });
  return { resyncs: () => resyncs, close: () => source.close() };
}
