// Cancelling a job: with the scope `admin`, the same over REST and tRPC, with its line in the audit.

import { AppError, type Job } from '@ondemand/core';
import { expect, test } from 'vitest';
import type { AuditEntry } from '../audit/entry.ts';
import { createAuditTrail } from '../audit/trail.ts';
import { expectApiError, readJson, startTestServer } from '../testing/test-server.test-support.ts';

const id = '20260208T101531Z-3f9a1c2b';

const cancelled: Job = {
  id,
  kind: 'rebuild',
  target: 'nginx',
  state: 'cancelled',
  startedAt: '2026-02-08T10:15:31.000Z',
  finishedAt: '2026-02-08T10:16:31.000Z',
  exitCode: 143,
  output: '',
};

async function startJobServer(fail?: AppError) {
  const asked: string[] = [];
  const lines: AuditEntry[] = [];
  const server = await startTestServer(
    {
      jobs: {
        cancel: async (job) => {
          asked.push(job);
          if (fail !== undefined) throw fail;
          return cancelled;
        },
      },
    },
    { audit: createAuditTrail({ log: (line) => lines.push(line), logFailure() {} }) },
  );
  return { ...server, asked, lines };
}

test('POST /jobs/{id}/cancel needs no body, answers with the job, and is in the audit', async () => {
  await using server = await startJobServer();
  const response = await server.ask(`/jobs/${id}/cancel`, { as: 'admin', method: 'POST' });
  expect(response.status).toBe(200);
  expect(await readJson(response)).toEqual(cancelled);
  expect(server.asked).toEqual([id]);
  expect(server.lines).toMatchObject([
    { action: 'jobs_cancel', target: id, outcome: 'intent' },
    { action: 'jobs_cancel', target: id, outcome: 'success', status: 200 },
  ]);
});

test('jobs.cancel does the same over tRPC', async () => {
  await using server = await startJobServer();
  const response = await server.ask('/trpc/jobs.cancel', {
    as: 'admin',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id }),
  });
  expect(await readJson(response)).toEqual({ result: { data: cancelled } });
});

test('a token that may only read cancels nothing, and the refusal is in the audit', async () => {
  await using server = await startJobServer();
  const response = await server.ask(`/jobs/${id}/cancel`, { as: 'read', method: 'POST' });
  await expectApiError(response, 'FORBIDDEN');
  expect(server.asked).toEqual([]);
  expect(server.lines).toMatchObject([{ action: 'jobs_cancel', target: id, outcome: 'refused' }]);
});

test('a job that has ended is 409 with its state', async () => {
  const details = { job: id, state: 'failed' };
  await using server = await startJobServer(new AppError('CONFLICT', 'It failed', { details }));
  const response = await server.ask(`/jobs/${id}/cancel`, { as: 'admin', method: 'POST' });
  expect((await expectApiError(response, 'CONFLICT')).details).toMatchObject(details);
});
