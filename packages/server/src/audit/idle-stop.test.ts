// The API's own stop: what is recorded of it, and that nothing is where nothing was sent.

import { AppError } from '@ondemand/core';
import { expect, test } from 'vitest';
import type { AuditEntry } from './entry.ts';
import { createOwnStop } from './idle-stop.ts';
import { createAuditTrail } from './trail.ts';

function setUp(act: () => Promise<void> = async () => {}) {
  const lines: AuditEntry[] = [];
  const order: string[] = [];
  const stop = createOwnStop({
    audit: createAuditTrail({ log: (line) => lines.push(line), logFailure() {} }),
    vm: {
      async stop({ soft, confirm } = {}) {
        order.push(`etag ${soft}`);
        await confirm?.();
        order.push(`sent after ${lines.length} lines`);
        await act();
        return { action: 'SOFTSTOP', status: 'initiated', vmId: 'oci-flex' };
      },
    },
  });
  return { stop, lines, order };
}

test('its intent is written once it is confirmed and before it is sent, and its outcome after', async () => {
  const { stop, lines, order } = setUp();
  await stop(async () => void order.push('confirmed'));
  expect(order).toEqual(['etag true', 'confirmed', 'sent after 1 lines']);
  const facts = { sub: 'ondemand:idle', action: 'vm_stop', target: 'oci-flex' };
  expect(lines).toMatchObject([
    { ...facts, outcome: 'intent' },
    { ...facts, outcome: 'success', status: 200, requestId: lines[0]?.requestId },
  ]);
});

test('one that is not confirmed sends nothing and leaves no line', async () => {
  const { stop, lines, order } = setUp();
  const reason = new Error('it is used');
  await expect(
    stop(async () => {
      throw reason;
    }),
  ).rejects.toBe(reason);
  expect(order).toEqual(['etag true']);
  expect(lines).toEqual([]);
});

test('one that another was faster than, or whose answer was lost, is recorded as such', async () => {
  for (const [error, outcome] of [
    [new AppError('CONFLICT', 'it is stopping'), 'refused'],
    [new AppError('SERVICE_UNAVAILABLE', 'lost', { details: { outcome: 'unknown' } }), 'unknown'],
  ] as const) {
    const { stop, lines } = setUp(async () => {
      throw error;
    });
    await expect(stop(async () => {})).rejects.toBe(error);
    expect(lines.map((line) => line.outcome)).toEqual(['intent', outcome]);
  }
});
