// Behind proxies as people run them: below a path, and over a restart of the API.

import { findFreePort } from '@ondemand/sandbox';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectStreamOutlivesRestart } from '../support/eventsource-survives-restart.ts';
import { proxyProblem, startProxy } from '../support/start-proxy.ts';
import { type App, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { report } from './reports.ts';

const problem = proxyProblem();
const suite = problem === undefined ? describe : describe.skip;
const note = problem === undefined ? '' : ` [skipped: proxies, ${problem}]`;
const portOf = (url: string) => Number(new URL(url).port);

suite(`the API below a path of nginx${note}`, () => {
  let app: App;
  let url = '';
  beforeAll(async () => {
    const port = await findFreePort();
    app = await startAppHere({ env: { PUBLIC_URL: `http://127.0.0.1:${port}/ondemand` } });
    const targetPort = portOf(app.url);
    const proxy = await startProxy('nginx', { targetPort, port, path: '/ondemand/' });
    url = proxy.url;
    return async () => {
      await proxy[Symbol.asyncDispose]();
      await app[Symbol.asyncDispose]();
    };
  });

  test.each(['/', '/docs'])(report(22, 'has the page %s, with its files'), async (path) => {
    const page = await fetch(`${url}${path}`);
    expect(page.status).toBe(200);
    const html = await page.text();
    const files = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, file = '']) => file);
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect((await fetch(new URL(file, page.url))).status).toBe(200);
    expect((await fetch(`${url}/docs/json`)).status).toBe(200);
  });

  test(report(23, 'names itself, and no other server, in its document'), async () => {
    const document = (await (await fetch(`${url}/openapi.json`)).json()) as {
      servers: { url: string }[];
    };
    expect(document.servers.map((server) => server.url)).toEqual([url]);
  });

  test(report(22, 'keeps the Location of a job below it'), async () => {
    const response = await fetch(`${url}/containers/nginx/rebuild`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app.tokens.admin}`, prefer: 'respond-async' },
    });
    const location = new URL(response.headers.get('location') ?? '', url);
    expect(location.href).toMatch(new RegExp(`^${url}/jobs/`));
    const headers = { authorization: `Bearer ${app.tokens.read}` };
    expect((await fetch(location, { headers })).status).toBe(200);
    await until('the job to end', async () => {
      const job = (await (await fetch(location, { headers })).json()) as { state: string };
      return job.state !== 'running';
    });
  });
});

suite(`an EventSource${note}`, () => {
  test.each(['nginx', 'haproxy'] as const)(
    'behind %s outlives a restart of the API, and is told that it may have missed something',
    expectStreamOutlivesRestart,
  );
});
