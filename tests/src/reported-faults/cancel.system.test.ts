// A job that is ended by hand, on the sandbox: its VM runs the job's script in a real shell.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerActionResult, Job } from '@ondemand/core';
import { beforeAll, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { expectApiError } from '../support/expect-api-error.ts';
import { openSse } from '../support/sse.ts';
import { type App, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { report } from './reports.ts';

let app: App;
beforeAll(() =>
  openSuite(async (opened) => {
    app = opened.use(await startAppHere());
  }),
);

const path = '/containers/nginx/rebuild';

test(
  report(
    33,
    'a build that hangs is cancelled: waiting and following requests end with that, the old container runs on, and the next rebuild works',
  ),
  async () => {
    const before = app.sandbox.vm.engine.find('nginx');
    const folder = before?.spec.labels['com.docker.compose.project.working_dir'] ?? '';
    const dockerfile = join(folder, 'Dockerfile');
    const works = await readFile(dockerfile, 'utf8');
    await writeFile(dockerfile, 'FROM nginx:1.29-alpine\nRUN echo it hangs; sleep 3600\n');
    const waiting = app.post(path);
    const job = await until('the build to hang', async () => {
      const [newest] = await app.getJson<Job[]>('/jobs');
      return newest?.output.includes('it hangs') ? newest.id : undefined;
    });
    const taken = await expectApiError(await app.post(path), 'CONFLICT');
    expect(taken.details).toMatchObject({ job });
    await using follower = await openSse(app, `/jobs/${job}/output`);
    await expectApiError(await app.post(`/jobs/${job}/cancel`, { token: 'read' }), 'FORBIDDEN');
    expect(await app.getJson<Job>(`/jobs/${job}`)).toMatchObject({ state: 'running' });

    const cancelled = await app.postJson<Job>(`/jobs/${job}/cancel`);
    expect(cancelled).toMatchObject({ id: job, state: 'cancelled', target: 'nginx' });
    expect(cancelled.finishedAt).not.toBeNull();
    const failure = await expectApiError(await waiting, 'INTERNAL_ERROR');
    expect(failure.details).toMatchObject({ job, state: 'cancelled' });
    const followed = await follower.rest();
    expect(followed.map(({ data }) => data).join('')).toContain('it hangs');
    expect(await app.getJson<Job>(`/jobs/${job}`)).toMatchObject({ state: 'cancelled' });
    expect(app.sandbox.vm.engine.find('nginx')).toMatchObject({
      id: before?.id,
      status: 'running',
    });
    await until('the audit to have it', () => app.server.output().includes(`/jobs/${job}/cancel`));
    const again = await expectApiError(await app.post(`/jobs/${job}/cancel`), 'CONFLICT');
    expect(again.details).toMatchObject({ job, state: 'cancelled' });

    await writeFile(dockerfile, works);
    expect(await app.postJson<ContainerActionResult>(path)).toMatchObject({ status: 'success' });
    const [newest] = await app.getJson<Job[]>('/jobs');
    expect(newest).toMatchObject({ state: 'succeeded', target: 'nginx' });
  },
);

test(report(33, 'a job that is not there, or has no id, cannot be cancelled'), async () => {
  for (const id of ['20200101T000000Z-nobody', 'nonsense']) {
    await expectApiError(await app.post(`/jobs/${id}/cancel`), 'NOT_FOUND', 'Job not found');
  }
});
