import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createFaults } from '../faults.ts';
import { createListener, findFreePort } from './listener.ts';

test('a port that is still taken is waited for, and gathers no listeners (a warning would fail the run)', async () => {
  const port = await findFreePort();
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  const listener = createListener({ port, faults: createFaults(), serve: () => {} });
  const opening = listener.open('127.0.0.1');
  await sleep(500); // of some twenty tries
  other.close();
  await opening;
  await expect(once(createServer().listen(port, '127.0.0.1'), 'listening')).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
  listener.close();
  listener.release();
});
