// What the engine refuses, in words that give nothing away.

import { expect, test } from 'vitest';
import { AppError } from '../errors.ts';
import type { EngineAnswer } from './exchange.ts';
import { LostAnswerError } from './exchange.ts';
import { type EngineTask, readMessage, toAppError, toLostError } from './to-app-error.ts';

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
    ...(/dead|being removed|cannot be read now/.test(words) && { reason: 'BEING_REMOVED' }),
    ...(task.name !== undefined && { name: 'web' }),
  });
  expect(error.cause).toBeInstanceOf(Error);
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
  (loss, reason) => {
    const lost = new LostAnswerError(loss, {});
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
