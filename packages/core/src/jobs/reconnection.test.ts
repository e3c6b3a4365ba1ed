// Reads and waits while the VM is unreachable: they go on after a short interruption, and fail after a long one.

import { expect, test } from 'vitest';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { id, lost, readAll, setUp } from '../testing/jobs.test-support.ts';
import { until } from '../testing/until.test-support.ts';

/** Between two reads of those who wait for a job, and with what comes after it between two attempts. */
const gatherMs = 5;
const retryMs = 1000 + 10 * gatherMs;

test('output() goes on over a lost connection, every line once', async () => {
  const { service, add, print, end, fail, calls } = setUp();
  add(id, { text: 'one\n' });
  const reading = readAll(await service.output(id));
  await until(() => calls.read > 1);
  const clock = fakeTimeouts();
  fail(lost);
  await until(() => calls.failed.size > 0);
  print(id, 'two\n');
  end(id, 'succeeded', 0);
  fail(undefined);
  await clock.pass(retryMs);
  expect((await reading).text).toBe('one\ntwo\n');
});

test('output() and wait() give up after five minutes without the VM, and say where to look', async () => {
  const { service, add, fail, pass, calls } = setUp();
  add(id);
  const reading = readAll(await service.output(id));
  const waiting = service.wait(id);
  const expected = {
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining(`GET /jobs/${id}`),
    details: { job: id, outcome: 'unknown', reason: 'CONNECTION_LOST' },
  };
  const outcomes = Promise.allSettled([reading, waiting]);
  await until(() => calls.watched.size === 2);
  const clock = fakeTimeouts();
  fail(lost);
  await clock.passEach(gatherMs, () => calls.failed.size === 2);
  pass(5 * 60_000);
  await clock.pass(retryMs);
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: expected });
  }
});

test('output() and wait() end at once when the VM was stopped, and say so', async () => {
  const { service, add, fail, vm, link, calls } = setUp();
  add(id);
  const reading = readAll(await service.output(id));
  const waiting = service.wait(id);
  const outcomes = Promise.allSettled([reading, waiting]);
  await until(() => calls.watched.size === 2);
  link.connected = false;
  vm.state = 'STOPPED';
  fail(lost);
  for (const outcome of await outcomes) {
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: {
        code: 'SERVICE_UNAVAILABLE',
        message: expect.stringContaining(id),
        details: { job: id, lifecycleState: 'STOPPED' },
      },
    });
  }
});
