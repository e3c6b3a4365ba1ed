import { once } from 'node:events';
import { createServer, Server } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createFaults } from '../faults.ts';
import { findFreePort } from '../free-port.ts';
import { createListener } from './listener.ts';

test('a port that is still taken is waited for, and gathers no listeners (a warning would fail the run)', async () => {
  const port = await findFreePort();
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  const tries = vi.spyOn(Server.prototype, 'listen');
  onTestFinished(() => tries.mockRestore());
  const listener = createListener({ port, faults: createFaults(), serve: () => {} });
  const opening = listener.open('127.0.0.1');
  await expect.poll(() => tries.mock.calls.length).toBeGreaterThan(11); // Node warns of more than ten listeners
  other.close();
  await opening;
  await expect(once(createServer().listen(port, '127.0.0.1'), 'listening')).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
  listener.close();
  listener.release();
});
