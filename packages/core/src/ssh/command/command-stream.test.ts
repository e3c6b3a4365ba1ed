// A command as a stream both ways, and how its end is told from a loss.

import { expect, test } from 'vitest';
import { expectFailure } from '../../testing/expect-failure.test-support.ts';
import { connectTo, startFakeSshd } from '../../testing/ssh2-server.test-support.ts';
import { until } from '../../testing/until.test-support.ts';

test('openCommand() is a stream both ways that ends cleanly when the command succeeds', async () => {
  await using server = await startFakeSshd({
    onExec: (channel) => {
      channel.on('data', (chunk: Buffer) => channel.write(chunk));
      channel.on('end', () => {
        channel.exit(0);
        channel.end();
      });
    },
  });
  await using connection = connectTo(server);
  const stream = await connection.openCommand(['docker', 'system', 'dial-stdio']);
  stream.end('to and fro');
  expect((await stream.toArray()).join('')).toBe('to and fro');
  await until(() => connection.channels.commands === 0);
});

test.each([
  ['COMMAND_NOT_FOUND', 127, 'sh: docker: not found'],
  ['PERMISSION_DENIED', 1, 'permission denied while trying to connect to the Docker daemon socket'],
  ['COMMAND_FAILED', 1, 'Cannot connect to the Docker daemon'],
] as const)(
  'openCommand() fails with %s before the first byte, and keeps what stderr said',
  async (reason, code, text) => {
    await using server = await startFakeSshd({
      onExec: (channel) => {
        channel.stderr.write(text);
        channel.exit(code);
        channel.end();
      },
    });
    await using connection = connectTo(server);
    const stream = await connection.openCommand(['docker', 'system', 'dial-stdio']);
    const error = await expectFailure(stream.toArray(), reason);
    expect(error.message).not.toContain(text);
    expect(error.details.exitCode).toBe(code);
    expect(error.cause).toMatchObject({
      name: 'ChannelRefusedError',
      message: text,
      exitCode: code,
    });
  },
);

test('openCommand() does not end cleanly when the command fails after some output', async () => {
  await using server = await startFakeSshd({
    onExec: (channel) => {
      channel.write('HTTP/1.1 200');
      channel.exit(2);
      channel.end();
    },
  });
  await using connection = connectTo(server);
  const stream = await connection.openCommand(['docker']);
  await expectFailure(stream.toArray(), 'COMMAND_FAILED');
});

test('openCommand() does not end cleanly when nobody says how the command ended', async () => {
  await using server = await startFakeSshd({ onExec: (channel) => channel.end('x') });
  await using connection = connectTo(server);
  const stream = await connection.openCommand(['docker']);
  await expectFailure(stream.toArray(), 'OUTCOME_UNKNOWN');
});
