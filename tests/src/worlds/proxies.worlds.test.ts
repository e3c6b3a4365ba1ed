// Behind nginx, haproxy, caddy and apache: a build that outlasts the proxy, and a restart of the API.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from '@ondemand/core';
import { EventSource } from 'eventsource';
import { describe, expect, test } from 'vitest';
import { createCaller, startApp } from '../support/start-app.ts';
import { type ProxyKind, proxyProblem, startProxy } from '../support/start-proxy.ts';
import { startServer } from '../support/start-server.ts';
import { until } from '../support/until.ts';

const kinds: readonly ProxyKind[] = ['nginx', 'haproxy', 'caddy', 'apache2'];
const portOf = (url: string) => Number(new URL(url).port);

for (const kind of kinds) {
  const problem = proxyProblem([kind]);
  const note = problem === undefined ? '' : ` [skipped: proxies, ${problem}]`;
  const suite = problem === undefined ? describe : describe.skip;

  suite(`behind ${kind}${note}`, () => {
    test('a build that takes longer than the proxy waits is a 202 with its job', async () => {
      await using app = await startApp({
        env: { TRUST_PROXY: '127.0.0.1', REBUILD_WAIT_SECONDS: '1' },
      });
      await using proxy = await startProxy(kind, {
        targetPort: portOf(app.url),
        timeoutSeconds: 20,
      });
      const caller = createCaller(proxy.url, app.tokens);
      const nginx = app.sandbox.vm.engine.find('nginx');
      const folder = nginx?.spec.labels['com.docker.compose.project.working_dir'] ?? '';
      const hang = (line: string) =>
        writeFile(
          join(folder, 'Dockerfile'),
          `FROM nginx:1.29-alpine\nRUN echo ${line}; sleep 3600\n`,
        );
      const path = '/containers/nginx/rebuild';

      for (const prefer of [undefined, 'wait=1', 'respond-async']) {
        const headers = prefer === undefined ? {} : { prefer };
        await hang(`it hangs with ${prefer ?? 'nothing said'}`);
        const response = await caller.post(path, { headers });
        expect(response.status).toBe(202);
        const { job } = (await response.json()) as { job: string };
        expect(response.headers.get('location')).toBe(`/jobs/${job}`);
        expect(await caller.getJson<Job>(`/jobs/${job}`)).toMatchObject({ state: 'running' });
        await caller.postJson(`/jobs/${job}/cancel`);
      }

      // Whoever waits longer than the proxy does gets its own answer, and the build goes on.
      await hang('it hangs for long');
      const response = await caller.post(path, { headers: { prefer: 'wait=3600' } });
      expect([502, 503, 504]).toContain(response.status);
      const [job] = await caller.getJson<Job[]>('/jobs');
      expect(job?.state).toBe('running');
      await caller.postJson(`/jobs/${job?.id}/cancel`);
    });

    test('an EventSource outlives a restart of the API', async () => {
      await using app = await startApp();
      const port = portOf(app.url);
      await using proxy = await startProxy(kind, { targetPort: port });
      const source = new EventSource(`${proxy.url}/events`, {
        fetch: (input, init) =>
          fetch(input, {
            ...init,
            headers: { ...init?.headers, authorization: `Bearer ${app.tokens.read}` },
          }),
      });
      try {
        let opened = 0;
        let resyncs = 0;
        source.addEventListener('ready', () => {
          opened += 1;
        });
        source.addEventListener('resync', () => {
          resyncs += 1;
        });
        await until('the stream to open', () => opened === 1);
        expect(await app.server.stop()).toBe(0);
        await using _ = await startServer({ ...app.sandbox.env, PORT: String(port) });
        await until('the stream to open again', () => opened === 2 && resyncs > 0);
        expect(source.readyState).toBe(source.OPEN);
      } finally {
        source.close();
      }
    });
  });
}
