// What the engine refuses, in words that give nothing away.

import { expect, test } from 'vitest';
import { AppError } from '../app-error.ts';
import type { EngineAnswer } from './engine/http-request.ts';
import { LostAnswerError } from './engine/http-request.ts';
import { toLostError } from './lost-response.ts';
import { type EngineTask, findOther, readMessage, toAppError } from './to-app-error.ts';

const raw = '/var/lib/docker/overlay2/secret';

test.each([
  ['stop', 404, 'No such container: web', 'NOT_FOUND', "No container named 'web' on oci-flex"],
  ['start', 404, '', 'NOT_FOUND', "No container named 'web' on oci-flex"],
  [
    'start',
    404,
    'no container with name or ID "web" found: no such container',
    'NOT_FOUND',
    'No container named',
  ],
  ['start', 404, `network ${raw} not found`, 'CONFLICT', 'a network that it uses'],
  [
    'start',
    409,
    'cannot start a paused container, try unpause instead',
    'CONFLICT',
    'it is paused',
  ],
  [
    'start',
    409,
    'container is marked for removal and cannot be started',
    'CONFLICT',
    'it is being removed',
  ],
  ['restart', 409, 'container is dead', 'CONFLICT', 'it is dead'],
  ['logs', 409, 'can not get logs from container which is dead', 'CONFLICT', 'cannot be read now'],
  ['stop', 409, raw, 'CONFLICT', 'in its present state'],
  [
    'start',
    500,
    `driver failed programming external connectivity on ${raw}: Bind for 0.0.0.0:80 failed: port is already allocated`,
    'CONFLICT',
    'a port that it publishes',
  ],
  [
    'start',
    400,
    `exec: "${raw}": executable file not found in $PATH`,
    'INTERNAL_ERROR',
    'its command is not in the image',
  ],
  ['start', 500, `error while creating mount source path '${raw}'`, 'INTERNAL_ERROR', 'mounts'],
  [
    'restart',
    400,
    `exec: "/volume/x": ${raw}: permission denied`,
    'INTERNAL_ERROR',
    'may not be executed',
  ],
  ['restart', 500, `${raw}: permission denied`, 'INTERNAL_ERROR', 'lacks a permission'],
  ['start', 500, 'write: no space left on device', 'INTERNAL_ERROR', 'disk is full'],
  ['start', 500, raw, 'INTERNAL_ERROR', 'Docker failed to start'],
  ['stop', 500, `cannot stop: ${raw}`, 'INTERNAL_ERROR', 'Docker failed to stop'],
  [
    'stop',
    500,
    `can only kill running containers. ${raw} is in state paused: container state improper`,
    'CONFLICT',
    'it is paused',
  ],
  [
    'start',
    500,
    `unable to start container "${raw}": container state improper`,
    'CONFLICT',
    'in its present state',
  ],
  ['stats', 500, 'container state improper', 'CONFLICT', 'cannot be read now'],
  ['stop', 503, raw, 'SERVICE_UNAVAILABLE', 'Docker is not answering properly'],
  ['list', 500, raw, 'SERVICE_UNAVAILABLE', 'while listing containers'],
  ['inspect', 302, raw, 'SERVICE_UNAVAILABLE', 'HTTP 302'],
  [
    'logs',
    501,
    'configured logging driver does not support reading',
    'CONFLICT',
    'no log that can',
  ],
] as const)('%s answered %i %j is %s', (operation, status, said, code, words) => {
  const task: EngineTask = { operation, name: operation === 'list' ? undefined : 'web' };
  const error = toAppError(answerOf(status, JSON.stringify({ message: said })), task);
  expect(error.code).toBe(code);
  expect(error.message).toContain(words);
  expect(`${error.message}${JSON.stringify(error.details)}`).not.toContain(raw);
  expect(error.details).toEqual({
    ...(code === 'SERVICE_UNAVAILABLE' && { reason: 'DOCKER_FAILED' }),
    ...(/dead|being removed|which is dead/.test(`${words} ${said}`) && { reason: 'BEING_REMOVED' }),
    ...(task.name !== undefined && { name: 'web' }),
  });
  expect(error.cause).toBeInstanceOf(Error);
});

const vpn = 'f'.repeat(64);

test.each([
  [
    'start',
    404,
    `No such container: ${vpn}`,
    'Needed container missing',
    "'ffffffffffff', which it needs, no longer exists",
  ],
  [
    'start',
    404,
    'No such container: vpn',
    'Needed container missing',
    "'vpn', which it needs, no longer exists",
  ],
  [
    'restart',
    404,
    `Cannot restart container web: No such container: ${vpn}`,
    'Needed container missing',
    'no longer exists',
  ],
  [
    'start',
    500,
    `can't join IPC of container vpn: No such container: vpn`,
    'Needed container missing',
    "'vpn'",
  ],
  [
    'start',
    500,
    'no container with name or ID "vpn" found: no such container',
    'Needed container missing',
    "'vpn'",
  ],
] as const)(
  '%s answered %i %j is a conflict about the other container',
  (operation, status, said, text, words) => {
    const task: EngineTask = { operation, name: 'web', id: 'a'.repeat(64) };
    const error = toAppError(answerOf(status, JSON.stringify({ message: said })), task);
    expect(error).toMatchObject({
      code: 'CONFLICT',
      text,
      message: expect.stringContaining(words),
    });
    expect(error.message).not.toContain(vpn);
  },
);

test.each([
  `cannot join network of a non running container: ${vpn}`,
  `cannot join PID of a non running container: ${vpn}`,
  `container ${vpn} is not running`,
  `Container ${vpn} is restarting, wait until the container is running`,
  'Cannot link to a non running container: /vpn AS /web/vpn',
])('a start refused by %j names the container that has to run', (said) => {
  const task: EngineTask = { operation: 'start', name: 'web', id: 'a'.repeat(64) };
  const answer = answerOf(409, JSON.stringify({ message: said }));
  expect(findOther(answer, task)).toBe(/vpn/.test(said) ? 'vpn' : vpn);
  const other = { ref: vpn, name: 'vpn', shares: 'network' };
  expect(toAppError(answer, task, other)).toMatchObject({
    code: 'CONFLICT',
    text: 'Needed container not running',
    message:
      "Docker could not start the container 'web' on oci-flex: the container 'vpn', whose network it shares, does not run; start that one first",
    details: { name: 'web', needs: 'vpn' },
  });
});

test('a missing container is the one asked for by its id and by its name', () => {
  const id = 'a'.repeat(64);
  for (const ref of [id, id.slice(0, 12), 'web', '/web']) {
    const answer = answerOf(404, JSON.stringify({ message: `No such container: ${ref}` }));
    const error = toAppError(answer, { operation: 'start', name: 'web', id });
    expect(error).toMatchObject({ code: 'NOT_FOUND', details: { name: 'web' } });
  }
});

test.each([
  [
    'error gathering device information while adding custom device "/dev/ttyUSB0": no such file or directory',
    'a device that it uses',
  ],
  [
    'could not select device driver "nvidia" with capabilities: [[gpu]]',
    'no driver for the devices',
  ],
  ['failed to set up container networking: Address already in use', 'no address for it'],
  ['failed to bind host port 0.0.0.0:80/tcp: address already in use', 'a port that it publishes'],
  [
    'driver failed programming external connectivity on endpoint volume (x): listen tcp4 0.0.0.0:80: bind: address already in use',
    'a port that it publishes',
  ],
  [
    'driver failed programming external connectivity on endpoint web (x): (iptables failed: iptables --wait -t nat: No chain/target/match by that name',
    'firewall rules',
  ],
  ['network 6f3a not found', 'a network that it uses'],
  [
    'could not find a network matching network mode backend: network backend not found',
    'a network that it uses',
  ],
  ['No such image: web:1', 'its image is no longer'],
  [
    'failed to initialize logging driver: dial tcp 127.0.0.1:24224: connect: connection refused',
    'its log driver',
  ],
  ['unable to find user app: no matching entries in passwd file', 'the user that it runs as'],
  [
    'OCI runtime create failed: runc create failed: unable to start container process: chdir to cwd ("/srv") set in config.json failed: no such file or directory: unknown',
    'its working folder',
  ],
  [
    'OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "/start.sh": permission denied: unknown',
    'may not be executed',
  ],
  [
    'OCI runtime create failed: container_linux.go:380: starting container process caused: exec: "nope": executable file not found in $PATH: unknown',
    'its command is not in the image',
  ],
  [
    'OCI runtime create failed: rootfs_linux.go:76: mounting "/srv/a" to rootfs at "/a" caused: not a directory: unknown',
    'one of its mounts',
  ],
  [
    'invalid mount config for type "bind": bind source path does not exist: /srv/a',
    'one of its mounts',
  ],
  [
    'error while mounting volume: failed to mount local volume: mount /dev/sdb1:/x: no such device',
    'what one of its volumes stands for',
  ],
  ['OCI runtime create failed: apparmor failed to apply profile: unknown', 'a security option'],
  ['failed to create shim: OCI runtime create failed: cannot allocate memory', 'too little memory'],
  ['unknown or invalid runtime name: nvidia', 'the container runtime'],
  [
    'failed to create shim task: OCI runtime create failed: unable to retrieve OCI runtime error',
    'container runtime failed',
  ],
])('a start refused by %j is told as what it is about', (said, words) => {
  const error = toAppError(answerOf(500, JSON.stringify({ message: said })), {
    operation: 'start',
    name: 'web',
  });
  expect(error.message).toContain(words);
  expect(error.message).not.toMatch(/\/(srv|dev|start)/);
});

test.each([
  ['{"message":"said"}', 'said'],
  ['plain', 'plain'],
  ['null', 'null'],
  ['{"other":1}', '{"other":1}'],
  ['', ''],
])('readMessage() finds what %j says', (body, said) => {
  expect(readMessage(answerOf(500, body))).toBe(said);
});

test.each([
  ['timeout', 'DOCKER_TIMEOUT'],
  ['cut', 'DOCKER_CONNECTION_LOST'],
  ['unclear', 'DOCKER_FAILED'],
  ['too large', 'DOCKER_FAILED'],
] as const)(
  'an answer lost by %s is SERVICE_UNAVAILABLE for %s and keeps its cause',
  (lossReason, reason) => {
    const lost = new LostAnswerError(lossReason, {});
    const error = toLostError(lost, { operation: 'list' });
    expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE', cause: lost, details: { reason } });
    expect(error.message).toContain('while listing containers');
  },
);

test.each([
  ['CONNECTION_LOST', 'was lost while listing containers'],
  ['PEER_SILENT', 'stopped answering while listing containers'],
])('an answer cut by the SSH connection keeps its reason %s', (reason, words) => {
  const cause = new AppError('SERVICE_UNAVAILABLE', 'The SSH connection', { details: { reason } });
  const error = toLostError(new LostAnswerError('cut', { cause }), { operation: 'list' });
  expect(error.details).toEqual({ reason });
  expect(error.message).toContain(words);
});

function answerOf(status: number, body: string): EngineAnswer {
  return { status, headers: {}, body: Buffer.from(body) };
}

test.each([404, 409])(
  'HTTP %i to the list is a fault of the engine, not of a container',
  (status) => {
    const error = toAppError(answerOf(status, 'page not found'), { operation: 'list' });
    expect(error).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.not.stringContaining('undefined'),
      details: { reason: 'DOCKER_FAILED' },
    });
  },
);
