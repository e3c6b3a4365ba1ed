// The choice of the way to the engine, and what is said when there is none.

import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { AppError } from '../../app-error.ts';
import { ChannelRefusedError } from '../../ssh/channel/channels.ts';
import { refusal } from '../../testing/fake-engine.test-support.ts';
import { createTransport, type DockerTransport } from './transport.ts';

const works = () => Promise.resolve(new PassThrough());
const refuses = (words: string) => () => Promise.reject(refusal(words));
const lost = () => Promise.reject(new AppError('SERVICE_UNAVAILABLE', 'VM not reachable via SSH'));

interface Ways {
  socket: () => Promise<PassThrough>;
  command: () => Promise<PassThrough>;
  /** What the VM says of its socket; nothing if left out. */
  probe?: string;
}

test('auto uses the socket when it answers, and never the command then', async () => {
  const { transport, used } = setUp({ socket: works, command: works });
  await transport.open();
  expect(transport.way).toBe('socket');
  transport.confirm();
  await transport.open();
  expect(used).toEqual(['socket', 'socket']);
});

test('auto runs docker system dial-stdio for its socket when forwarding is refused', async () => {
  const { transport, argvs } = setUp({ socket: refuses('forbidden'), command: works });
  await transport.open();
  expect(transport.way).toBe('dial-stdio');
  expect(argvs).toEqual([
    ['env', 'DOCKER_HOST=unix:///run/docker.sock', 'docker', 'system', 'dial-stdio'],
  ]);
});

test('auto remembers what worked for one connection only', async () => {
  const { transport, used, channels } = setUp({ socket: refuses('forbidden'), command: works });
  await transport.open();
  transport.confirm();
  await transport.open();
  expect(used).toEqual(['socket', 'command', 'command']);
  channels.generation = 2;
  expect(transport.way).toBeUndefined();
  await transport.open();
  expect(used).toEqual(['socket', 'command', 'command', 'socket', 'command']);
});

test('auto tries both when the way that worked is refused by a connection made meanwhile', async () => {
  const ways: Ways = { socket: works, command: works };
  const { transport, used, channels } = setUp(ways);
  await transport.open();
  transport.confirm();
  ways.socket = () => {
    channels.generation = 2;
    return refuses('forbidden')();
  };
  await transport.open();
  expect(used).toEqual(['socket', 'socket', 'socket', 'command']);
  expect(transport.way).toBe('dial-stdio');
});

test('auto tries both again while neither was confirmed by an answer', async () => {
  const { transport, used } = setUp({ socket: refuses('forbidden'), command: works });
  await transport.open();
  await transport.open();
  expect(used).toEqual(['socket', 'command', 'socket', 'command']);
});

test('auto does not try the command when there is no connection at all', async () => {
  const { transport, used } = setUp({ socket: lost, command: works });
  await expect(transport.open()).rejects.toThrow('VM not reachable via SSH');
  expect(used).toEqual(['socket']);
});

test('both failing is one error that says what each answered', async () => {
  const { transport } = setUp({
    socket: refuses('The socket said no.'),
    command: refuses('The command said no.'),
  });
  await expect(transport.open()).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message:
      'Docker on oci-flex is not answering, neither by its socket (The socket said no) nor by "docker system dial-stdio" (The command said no)',
    details: { transports: { socket: 'The socket said no', 'dial-stdio': 'The command said no' } },
  });
});

test('what both ways answered is told, too, when another caller has had the connection renewed meanwhile', async () => {
  const { transport, channels } = setUp({ socket: refuses('forbidden'), command: works });
  await transport.open();
  channels.generation = 2;
  const { details } = await transport.explain(refusal('The command failed.'));
  expect(details.transports).toMatchObject({ 'dial-stdio': 'The command failed' });
});

test('a command that opens and then fails is explained with what the socket had answered', async () => {
  const { transport } = setUp({ socket: refuses('The socket said no.'), command: works });
  await transport.open();
  const error = await transport.explain(refusal('The command failed.'));
  expect(error.details).toEqual({
    reason: 'DOCKER_UNREACHABLE',
    transports: { socket: 'The socket said no', 'dial-stdio': 'The command failed' },
  });
  transport.confirm();
  const later = new AppError('SERVICE_UNAVAILABLE', 'something else');
  expect(await transport.explain(later)).toBe(later);
});

test('a command that found no daemon says that instead of that it failed', async () => {
  const stopped = new AppError('SERVICE_UNAVAILABLE', 'A command on the VM failed.', {
    cause: new ChannelRefusedError(
      'Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker daemon running?',
    ),
  });
  const { transport } = setUp(
    { socket: works, command: () => Promise.reject(stopped) },
    'dial-stdio',
  );
  await expect(transport.open()).rejects.toMatchObject({
    message: expect.stringContaining('nothing listens on the socket'),
  });
});

test.each([
  ['socket', ['socket']],
  ['dial-stdio', ['command']],
] as const)('%s uses only that way, and says what it answered', async (way, ways) => {
  const { transport, used } = setUp({ socket: refuses('No.'), command: refuses('No.') }, way);
  await expect(transport.open()).rejects.toThrow('Docker on oci-flex is not answering: No');
  expect(used).toEqual(ways);
});

test.each([
  ['missing', 'DOCKER_SOCKET_MISSING', /no such file as DOCKER_SOCKET/, []],
  ['not-a-socket', 'DOCKER_SOCKET_MISSING', /no socket there/, []],
  ['not-listening', 'DOCKER_DOWN', /nothing listens.*systemctl start docker/, []],
  ['denied opc open docker', 'DOCKER_PERMISSION_DENIED', /sudo usermod -aG docker opc/, ['renew']],
  [
    'denied opc closed docker',
    'DOCKER_PERMISSION_DENIED',
    /^(?!.*usermod).*'docker', because of the socket's mode.*chmod g\+rw/,
    ['renew'],
  ],
  [
    'denied opc joined docker',
    'DOCKER_PERMISSION_DENIED',
    /^(?!.*usermod).*is in the group 'docker'/,
    ['renew'],
  ],
  [
    'denied opc open root',
    'DOCKER_PERMISSION_DENIED',
    /groupadd docker.*-aG docker opc/,
    ['renew'],
  ],
  ['denied opc open domain users', 'DOCKER_PERMISSION_DENIED', /'opc'.*only another/, ['renew']],
  ['denied opc', 'DOCKER_PERMISSION_DENIED', /permission denied.*'opc'/, ['renew']],
])(
  'a refused socket that is %s is told as that, by either way',
  async (probe, reason, message, then) => {
    for (const transport of ['auto', 'socket', 'dial-stdio'] as const) {
      const refusal = refuses('No.');
      const world = setUp({ socket: refusal, command: refusal, probe }, transport);
      await expect(world.transport.open()).rejects.toMatchObject({
        message: expect.stringMatching(message),
        details: { reason },
      });
      expect(world.used.filter((each) => each === 'renew')).toEqual(then);
    }
  },
);

test('a socket that could be used is told as forbidden forwarding, beside what the command said', async () => {
  const ways = { socket: refuses('No.'), command: refuses('It failed.'), probe: 'usable' };
  await expect(setUp(ways).transport.open()).rejects.toMatchObject({
    message: expect.stringMatching(
      /neither by its socket \(sshd forbids forwarding.*AllowStreamLocalForwarding.*nor by .*\(It failed\)/,
    ),
    details: { reason: 'DOCKER_UNREACHABLE' },
  });
});

test.each(['', 'unknown', 'denied', '<html>', 'denied $(x) y;z'])(
  'what the VM says, %j, is shown only where it is understood',
  async (probe) => {
    const ways = { socket: refuses('The socket said no.'), command: refuses('No.'), probe };
    const error: unknown = await setUp(ways)
      .transport.open()
      .catch((caught: unknown) => caught);
    expect(String(error)).not.toMatch(/html|\$\(x|y;z/);
  },
);

test("the caller's abort is the caller's reason, not a refusal", async () => {
  const gone = new Error('the caller left');
  const caller = new AbortController();
  const { transport, used } = setUp({
    socket: () => {
      caller.abort(gone);
      return Promise.reject(refusal('No.'));
    },
    command: works,
  });
  await expect(transport.open({ signal: caller.signal })).rejects.toBe(gone);
  expect(used).toEqual(['socket']);
});

function setUp(ways: Ways, transport: DockerTransport = 'auto') {
  const used: string[] = [];
  const argvs: (readonly string[])[] = [];
  const channels = {
    generation: 1,
    receivedBytes: 0,
    openSocket() {
      used.push('socket');
      return ways.socket();
    },
    openCommand(argv: readonly string[]) {
      if (argv[0] === 'sh') {
        if (ways.probe === undefined) return refuses('No.')();
        const stream = new PassThrough();
        // Its own output, whatever is written to it.
        stream.end(ways.probe);
        return Promise.resolve(stream);
      }
      used.push('command');
      argvs.push(argv);
      return ways.command();
    },
    renew: () => used.push('renew'),
  };
  const socketPath = '/run/docker.sock';
  const options = { channels, socketPath, transport, timeoutMs: 60_000 };
  return { transport: createTransport(options), channels, used, argvs };
}
