// Which calls count as use of the VM, for its idle stop: an action from its begin to its end, whatever becomes of it.

import { AppError } from '@ondemand/core';
import { expect, test } from 'vitest';
import { createAuditTrail } from '../audit/trail.ts';
import { startTestServer } from '../testing/test-server.test-support.ts';

const lost = new AppError('SERVICE_UNAVAILABLE', 'the answer was lost', {
  text: 'Outcome unknown',
});

async function startNoted(
  restart: () => Promise<void>,
  options: Parameters<typeof startTestServer>[1] = {},
  more: Parameters<typeof startTestServer>[0] = {},
) {
  const noted: string[] = [];
  const done = { container: 'nginx', action: 'restart', status: 'success', changed: true } as const;
  const server = await startTestServer(
    {
      ...more,
      idle: { noteAction: (by) => noted.push(by) },
      containers: {
        async restart() {
          noted.push('sent');
          await restart();
          return done;
        },
      },
    },
    options,
  );
  const post = (path: string, body?: unknown) =>
    server.ask(path, {
      as: 'admin',
      method: 'POST',
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
  return { ...server, noted, post };
}

const by = 'restart of nginx by admin';

test('an action counts before it is sent, and again at its end', async () => {
  let end = () => {};
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  await using server = await startNoted(() => ending);
  const answer = server.post('/containers/nginx/restart');
  await expect.poll(() => server.noted).toEqual([by, 'sent']);
  end();
  expect((await answer).status).toBe(200);
  expect(server.noted).toEqual([by, 'sent', by]);
});

test.each([
  ['of an unknown outcome', lost],
  ['that Docker refuses', new AppError('CONFLICT', 'it is paused')],
  ['of a container that is not there', new AppError('NOT_FOUND', 'no such container')],
  ['that fails inside the API', new Error('a fault of ours')],
])('an action %s counts, too', async (_, error) => {
  await using server = await startNoted(() => Promise.reject(error));
  expect((await server.post('/containers/nginx/restart')).status).toBeGreaterThanOrEqual(400);
  expect((await server.post('/trpc/containers.restart', { name: 'nginx' })).ok).toBe(false);
  expect(server.noted).toEqual([by, 'sent', by, by, 'sent', by]);
});

test('an action that is refused before anything was sent does not count, nor does a stop of the VM', async () => {
  await using server = await startNoted(async () => {});
  const refused = [
    await server.post('/containers/-nginx/restart'),
    await server.post('/containers/nginx/restart', { nonsense: true }),
    await server.ask('/containers/nginx/restart', { as: 'read', method: 'POST' }),
    await server.ask('/containers/nginx/restart', { method: 'POST' }),
  ];
  expect(refused.map(({ status }) => status)).toEqual([400, 400, 403, 401]);
  expect((await server.post('/vm/stop')).status).toBe(200);
  expect(server.noted).toEqual([]);
});

test.each(['wake', 'start', 'reboot', 'reset'])(
  'a %s of the VM counts, as who asks for it wants it on',
  async (action) => {
    const refused = new AppError('CONFLICT', 'VM already running');
    await using server = await startNoted(
      async () => {},
      {},
      {
        waker: { wake: () => Promise.reject(lost) },
        vm: { start: () => Promise.reject(refused) },
      },
    );
    await server.post(`/vm/${action}`);
    expect(server.noted).toEqual([`${action} by admin`, `${action} by admin`]);
  },
);

test('a stop of the VM does not count, nor does a lease, which is a signal of its own', async () => {
  const refuse = () => Promise.reject(new AppError('CONFLICT', 'not now'));
  const leases = { take: refuse, release: refuse };
  await using server = await startNoted(async () => {}, {}, { vm: { stop: refuse }, leases });
  const lease = '/vm/leases/20260208T100000Z-00000000';
  const answers = [
    await server.post('/vm/stop', { soft: true }),
    await server.post('/vm/leases', { minutes: 5 }),
    await server.ask(lease, { as: 'admin', method: 'DELETE' }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([409, 409, 409]);
  expect(server.noted).toEqual([]);
});

test('an action that the audit keeps from being sent does not count', async () => {
  const audit = createAuditTrail({ log() {}, logFailure() {} });
  await using server = await startNoted(async () => {}, {
    audit: { ...audit, intend: () => Promise.reject(lost) },
  });
  expect((await server.post('/containers/nginx/restart')).status).toBe(503);
  expect(server.noted).toEqual([]);
});
