// Many callers at once: they share one connection while all is well, and few attempts while it is not.

import { expect, test } from 'vitest';
import { expectApiError } from '../support/expect-api-error.ts';
import type { FaultyServer } from './faulty-server.ts';
import { containers } from './test-containers.ts';

export function declareLoad(getApi: () => FaultyServer): void {
  test.sequential('50 mixed requests at once share one SSH connection', async () => {
    const api = getApi();
    const before = api.proxy.accepted;
    const { app, orphan, noisy } = containers;
    const kinds = [
      ['GET', '/containers', 200],
      ['GET', `/containers/${app}/status`, 200],
      ['GET', `/containers/${noisy}/logs?lines=`, 200],
      ['POST', `/containers/${app}/start`, 200],
      ['POST', `/containers/${orphan}/rebuild`, 409],
    ] as const;
    const requests = Array.from({ length: 50 }, async (_, index) => {
      const [method, path, expected] = kinds[index % kinds.length] ?? kinds[0];
      const response = await api.request(method, path.endsWith('=') ? `${path}${index + 1}` : path);
      const text = await response.text();
      expect(`${method} ${path} ${response.status} ${text}`).toContain(
        `${method} ${path} ${expected} `,
      );
    });
    await Promise.all(requests);
    expect(api.proxy.accepted).toBe(before);
  });

  test.sequential('200 readers of an unreachable VM fail together and make few attempts to connect', async () => {
    const api = getApi();
    await api.settle();
    const before = api.proxy.accepted;
    api.proxy.drop();
    api.proxy.reset();
    await Promise.all(
      Array.from({ length: 200 }, async () => {
        await expectApiError(await api.get('/containers'), 'SERVICE_UNAVAILABLE');
      }),
    );
    // One at once, then those that fall due until the last has asked; how they are spaced is tested with a clock, in core's
    // ssh/connection-faults.test.ts.
    expect(api.proxy.accepted - before).toBeLessThan(20);
    await api.proxy.pass();
    await api.expectRecovery();
  });
}
