// The typed client's streams, through the whole product and over a connection that is lost again and again.

import { createClient, isApiError } from '@ondemand/client';
import { expect, test } from 'vitest';
import { startTcpProxy } from '../faults/tcp-proxy.ts';
import { openAll } from '../support/disposer.ts';
import { startApp, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

/** A client whose connection to the API a test may cut. */
async function startWorld() {
  return openAll(async (opened) => {
    const app = opened.use(await startAppHere());
    const proxy = opened.use(await startTcpProxy(Number(new URL(app.url).port)));
    const client = createClient({
      url: `http://127.0.0.1:${proxy.port}`,
      token: app.tokens.admin,
    });
    return {
      ...{ app, proxy, client, engine: app.sandbox.vm.engine },
    };
  });
}

test('a followed log gives every line once over five lost connections', async () => {
  await using world = await startWorld();
  const { client, engine, proxy } = world;
  engine.add({ name: 'counter' });
  const count = 500;
  let written = 0;
  const write = (lines: number) => {
    for (let line = 0; line < lines; line += 1) {
      written += 1;
      engine.appendLog('counter', written % 3 ? 'stdout' : 'stderr', `line ${written}\n`);
    }
  };
  write(100);
  const seen: string[] = [];
  let reconnects = 0;
  const options = { onReconnect: () => (reconnects += 1) };
  const log = client.containers.followLogs.subscribe({ name: 'counter', tail: 'all' }, options);
  for await (const { line } of log) {
    seen.push(line);
    if (seen.length % 90 === 0 && reconnects < 5) proxy.reset();
    if (seen.length === written && written < count) write(50);
    if (seen.length === count) break;
  }
  expect(seen).toEqual(Array.from({ length: count }, (_, index) => `line ${index + 1}`));
  expect(reconnects).toBeGreaterThanOrEqual(5);
});

test('events that happened while nothing was connected come afterwards, also when none came before', async () => {
  await using world = await startWorld();
  const { app, client, proxy } = world;
  const leaving = new AbortController();
  let opened = 0;
  const actions: string[] = [];
  const watching = (async () => {
    const options = { signal: leaving.signal, onOpen: () => (opened += 1) };
    for await (const event of client.events.subscribe(undefined, options)) {
      if (event.type === 'container') actions.push(`${event.name} ${event.action}`);
    }
  })().catch((error: unknown) => error);
  await until('the watch', () => opened === 1);
  await proxy.refuse();
  await app.postJson('/containers/nginx/stop');
  await proxy.pass();
  await until('what happened', () => actions.some((action) => action.endsWith(' stop')));
  leaving.abort();
  expect(isApiError(await watching, 'ABORTED')).toBe(true);
});

test('a rebuild that does not wait is followed by its job', async () => {
  await using world = await startWorld();
  const { client } = world;
  const { status, job = '' } = await client.containers.rebuild.mutate({
    name: 'nginx',
    async: true,
  });
  expect(status).toBe('initiated');
  let output = '';
  for await (const { text } of client.jobs.output.subscribe({ id: job })) output += text;
  const { state, output: known } = await client.jobs.get.query({ id: job });
  expect({ state, known }).toEqual({ state: 'succeeded', known: output });
  expect(output).toMatch(/\S/);
});

test('SIGTERM waits neither for streams that are open nor for those that were left', async () => {
  await using app = await startApp();
  const leaving = new AbortController();
  const [open, left] = await Promise.all(
    [undefined, leaving.signal].map((signal) =>
      app.get('/containers/nginx/logs/stream', { ...(signal && { signal }) }),
    ),
  );
  leaving.abort();
  await left?.text().catch(() => {}); // it was left
  const ended = open?.text();
  expect(await app.server.stop()).toBe(0);
  expect(await ended).toMatch(/retry: 1[0-5]\d{3}\n\n$/);
});
