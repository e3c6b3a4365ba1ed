// Requests over what a real command relays, in place of a socket.

import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { sendJson, startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import { createEngineClient } from './http-client.ts';

const list = { operation: 'list', method: 'GET', path: '/containers/json' } as const;
const stop = { operation: 'stop', method: 'POST', path: '/containers/x/stop' } as const;

test('a stream that is no socket works: a real command relays the bytes', async () => {
  await using engine = await startFakeEngine((_request, response) => sendJson(response, 200, []));
  const relay =
    'const s=require("net").connect(process.argv[1]);process.stdin.pipe(s);s.pipe(process.stdout)';
  engine.channels.openSocket = async () => {
    const child = spawn(process.execPath, ['-e', relay, engine.socketPath], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
    stream.on('close', () => child.kill());
    return stream;
  };
  await using client = createEngineClient({
    channels: engine.channels,
    socketPath: engine.socketPath,
  });
  await client.send(list);
  await expect(client.send(list)).resolves.toMatchObject({ status: 200 });
  await client.send(stop);
});
