// An engine that cannot be reached in one way: the other is used, and what stands in the way is told.

import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { AppError } from '../../app-error.ts';
import {
  answerAll,
  connectTo,
  expectLost,
  list,
  stop,
} from '../../testing/engine-client.test-support.ts';
import {
  openUnixSocket,
  refusal,
  startFakeEngine,
} from '../../testing/fake-engine.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { until } from '../../testing/until.test-support.ts';

test('an engine behind docker system dial-stdio is used over few commands', async () => {
  const clock = fakeTimeouts();
  await using engine = await startFakeEngine(answerAll);
  let running = 0;
  let most = 0;
  engine.channels.openSocket = () => Promise.reject(refusal('Forwarding is off.'));
  engine.channels.openCommand = async () => {
    running += 1;
    most = Math.max(most, running);
    const stream = await openUnixSocket(engine.socketPath);
    stream.on('close', () => {
      running -= 1;
    });
    return stream;
  };
  await using client = connectTo(engine);
  await Promise.all(Array.from({ length: 40 }, () => client.send(list)));
  await Promise.all(Array.from({ length: 8 }, () => client.send(stop)));
  // Three at work, one idle, and some whose end is still on its way.
  expect(most).toBeLessThanOrEqual(8);
  await until(() => running <= 1);
  // And the idle one gives its session back after a second, for what else runs there.
  await clock.pass(1000);
  await until(() => running === 0);
});

test('a command that fails before it answers is explained together with the socket', async () => {
  await using engine = await startFakeEngine(answerAll);
  engine.channels.openSocket = () => Promise.reject(refusal('Forwarding is off.'));
  engine.channels.openCommand = failingCommand('The command was not found on the VM.');
  await using client = connectTo(engine);
  await expect(client.send(list)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    details: {
      transports: {
        socket: 'Forwarding is off',
        'dial-stdio': 'The command was not found on the VM',
      },
    },
  });
});

// Its beginning and its end came in one packet.
test('a command that has failed before its stream could be used is explained at once', async () => {
  await using engine = await startFakeEngine(answerAll);
  engine.channels.openSocket = () => Promise.reject(refusal('Forwarding is off.'));
  engine.channels.openCommand = async () => {
    const stream = new Duplex({ read() {} });
    stream.on('error', () => {});
    stream.destroy(refusal('The command was not found on the VM.'));
    await until(() => stream.closed);
    return stream;
  };
  await using client = connectTo(engine, { timeoutMs: 60_000 });
  await expect(client.send(list)).rejects.toMatchObject({
    details: { transports: { 'dial-stdio': 'The command was not found on the VM' } },
  });
});

test('a socket that has ended before its stream could be used is a lost answer at once', async () => {
  await using engine = await startFakeEngine(answerAll);
  await using client = connectTo(engine, { timeoutMs: 60_000 });
  await client.send(stop);
  engine.channels.openSocket = async () => {
    const stream = new Duplex({ allowHalfOpen: false, read() {} });
    stream.push(null);
    stream.read(0);
    await once(stream, 'end');
    return stream;
  };
  await expectLost(client.send(stop), 'cut');
});

test('both ways refused again and again are explained once', async () => {
  await using engine = await startFakeEngine(answerAll);
  engine.channels.openSocket = () => Promise.reject(refusal('Forwarding is off.'));
  engine.channels.openCommand = failingCommand('The command failed.');
  await using client = connectTo(engine);
  await client.send(list).catch(() => {});
  engine.channels.openCommand = () => Promise.reject(refusal('No more sessions.'));
  await expect(client.send(list)).rejects.toMatchObject({
    details: { transports: { socket: 'Forwarding is off', 'dial-stdio': 'No more sessions' } },
  });
});

test('a connection that was made again, where the engine is gone, says that', async () => {
  await using engine = await startFakeEngine(answerAll);
  await using client = connectTo(engine);
  await client.send(list);
  engine.channels.openSocket = () => Promise.reject(refusal('Nothing listens.'));
  engine.channels.openCommand = failingCommand('The command failed.');
  // The connection ends while the version that it was asked for is still thought to be good.
  engine.respond = (request) => {
    engine.channels.generation = 2;
    request.socket.destroy();
  };
  await expect(client.send(list)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    details: {
      reason: 'DOCKER_UNREACHABLE',
      transports: { socket: 'Nothing listens', 'dial-stdio': 'The command failed' },
    },
  });
});

test('what a silent VM has swallowed is not asked again', async () => {
  await using engine = await startFakeEngine(answerAll);
  const { openSocket } = engine.channels;
  let opened: Duplex | undefined;
  let count = 0;
  engine.channels.openSocket = async (...args) => {
    count += 1;
    opened = await openSocket(...args);
    return opened;
  };
  await using client = connectTo(engine);
  await client.send(list);
  const silent = new AppError('SERVICE_UNAVAILABLE', 'It has stopped answering.', {
    details: { reason: 'PEER_SILENT' },
  });
  engine.respond = () => opened?.destroy(silent);
  await expectLost(client.send(list), 'cut');
  expect(count).toBe(1);
});

test('an engine whose socket is missing is not answering', async () => {
  await using engine = await startFakeEngine(answerAll);
  await using client = connectTo(engine, { socketPath: `${engine.socketPath}.missing` });
  await expect(client.send(list)).rejects.toThrow('Docker on oci-flex is not answering');
});

test('an engine that is not ready says so, and is asked again', async () => {
  await using engine = await startFakeEngine(answerAll);
  engine.pingStatus = 500;
  await using client = connectTo(engine);
  await expect(client.send(list)).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining('not ready (HTTP 500'),
  });
  engine.pingStatus = 200;
  await expect(client.send(list)).resolves.toMatchObject({ status: 200 });
});

/** Opens, and then fails before its first byte. */
function failingCommand(words: string): () => Promise<Duplex> {
  return async () => {
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    setImmediate(() => stream.destroy(refusal(words)));
    return stream;
  };
}
