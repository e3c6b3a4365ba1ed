// Behind nginx, haproxy, caddy and apache: a build that outlasts the proxy, and a restart of the API.

import type { Job } from '@ondemand/core';
import { describe, expect, test } from 'vitest';
import { expectStreamOutlivesRestart } from '../support/eventsource-survives-restart.ts';
import { type ProxyKind, proxyProblem, startProxy } from '../support/start-proxy.ts';
import { createCaller, startApp } from '../support/start-sandbox-and-api.ts';
import { hangBuild } from './endless-build.ts';

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
      const path = '/containers/nginx/rebuild';

      for (const prefer of [undefined, 'wait=1', 'respond-async']) {
        const headers = prefer === undefined ? {} : { prefer };
        await hangBuild(app, `it hangs with ${prefer ?? 'nothing said'}`);
        const response = await caller.post(path, { headers });
        expect(response.status).toBe(202);
        const { job } = (await response.json()) as { job: string };
        expect(response.headers.get('location')).toBe(`/jobs/${job}`);
        expect(await caller.getJson<Job>(`/jobs/${job}`)).toMatchObject({ state: 'running' });
        await caller.postJson(`/jobs/${job}/cancel`);
      }

      // A caller who waits longer than the proxy does gets its own answer, and the build goes on.
      await hangBuild(app, 'it hangs for long');
      const response = await caller.post(path, { headers: { prefer: 'wait=3600' } });
      expect([502, 503, 504]).toContain(response.status);
      const jobs = await caller.getJson<Job[]>('/jobs');
      const running = jobs.filter(({ state }) => state === 'running'); // the others are cancelled
      expect(running).toHaveLength(1);
      await caller.postJson(`/jobs/${running[0]?.id}/cancel`);
    });

    test('an EventSource outlives a restart of the API', () => expectStreamOutlivesRestart(kind));
  });
}
