import { Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { findFreePort } from './free-port.ts';

test('a port is given out once, also while nothing listens on it', async () => {
  const random = vi.spyOn(Math, 'random').mockReturnValueOnce(0.4).mockReturnValueOnce(0.4);
  onTestFinished(() => random.mockRestore());
  const port = await findFreePort();
  const other = await findFreePort();
  expect(random.mock.calls.length).toBeGreaterThan(2);
  expect(other).not.toBe(port);
});

test('a port that is listened on is not given out', async () => {
  const taken = createServer().listen(await findFreePort(), '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const address = taken.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  const value = (address.port - 20_000 + 0.5) / 12_000;
  const random = vi.spyOn(Math, 'random').mockReturnValueOnce(value);
  onTestFinished(() => random.mockRestore());
  expect(await findFreePort()).not.toBe(address.port);
});

test('where none can be had it says why', async () => {
  vi.spyOn(Socket.prototype, 'bind').mockImplementation(function (this: Socket) {
    process.nextTick(() => this.emit('error', new Error('not permitted')));
    return this;
  });
  onTestFinished(() => void vi.restoreAllMocks());
  await expect(findFreePort()).rejects.toMatchObject({ cause: { message: 'not permitted' } });
});
