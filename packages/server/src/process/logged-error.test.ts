import { AppError } from '@ondemand/core';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { startTestServer } from '../testing/test-server.test-support.ts';
import { createIssuerLog } from './log-audit-ssh-redis.ts';
import { toLoggedError } from './logged-error.ts';

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:22'), {
  code: 'ECONNREFUSED',
  syscall: 'connect',
});
const unreachable = new AppError('SERVICE_UNAVAILABLE', 'The VM is not reachable', {
  cause: refused,
});

function createLog() {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const logger = pino({ level: 'debug', serializers: { err: toLoggedError } }, { write });
  const parsed = () =>
    lines.map((line) => JSON.parse(line)).filter(({ msg }) => !/^Server listening/.test(msg));
  const told = () => parsed().filter(({ level }) => level > 20);
  return { logger, lines: parsed, told };
}

test('a failure that is told to callers is logged with its causes and without a stack', () => {
  expect(toLoggedError(unreachable)).toEqual({
    type: 'AppError',
    code: 'SERVICE_UNAVAILABLE',
    message: 'The VM is not reachable: connect ECONNREFUSED 127.0.0.1:22',
  });
  expect(toLoggedError(refused)).not.toHaveProperty('stack');
});

test('a bug is logged with its stack, and with that of what caused it', () => {
  const bug = new TypeError('x is not a function');
  for (const error of [bug, new AppError('INTERNAL_ERROR', 'Something failed', { cause: bug })])
    expect(toLoggedError(error)).toMatchObject({
      stack: expect.stringMatching(/TypeError.*\n +at /),
    });
});

test.each([
  ['a failure', unreachable, 503, 40, undefined],
  ['a bug', new TypeError('x'), 500, 50, expect.stringContaining('TypeError')],
])('%s leaves one line, that of its request', async (_, error, status, level, stack) => {
  const { logger, lines } = createLog();
  await using server = await startTestServer(
    { vm: { status: async () => Promise.reject(error) } },
    { logger },
  );
  for (const path of ['/vm/status', '/trpc/vm.status', '/trpc/vm.status,vm.status?batch=1']) {
    const before = lines().length;
    const response = await server.ask(path, { as: 'read' });
    expect(response.status).toBe(status);
    await response.text();
    await expect.poll(() => lines().length).toBeGreaterThan(before);
    const [line, ...more] = lines().slice(before);
    expect(more).toEqual([]);
    expect(line).toMatchObject({ level, statusCode: status, sub: 'read', msg: 'request failed' });
    expect(line.err.stack).toEqual(stack);
  }
});

test('a failure of authentication on a URL that cannot be read is logged too', async () => {
  const { logger, told } = createLog();
  const authenticate = async () => Promise.reject(unreachable);
  await using server = await startTestServer({}, { logger, authenticate });
  expect((await server.ask('/containers/%/status', { as: 'read' })).status).toBe(503);
  await expect.poll(told).toMatchObject([{ level: 40, msg: 'request failed' }]);
});

test('probes are no news; while the issuer is away that is told once, and once when it is back', async () => {
  const { logger, lines, told } = createLog();
  let isAway = false;
  const checkReady = createIssuerLog(logger)(async () => {
    if (isAway)
      throw new AppError('SERVICE_UNAVAILABLE', 'The issuer is not reachable', { cause: refused });
  });
  await using server = await startTestServer({}, { logger, checkReady });
  const probe = async (path: string, status: number) => {
    const answered = lines().filter(({ route }) => route === path).length;
    expect((await server.ask(path)).status).toBe(status);
    await expect
      .poll(() => lines().filter(({ route }) => route === path).length)
      .toBe(answered + 1);
  };
  for (const status of [200, 503, 503, 503, 200, 200]) {
    isAway = status === 503;
    await probe('/readyz', status);
    await probe('/healthz', 200);
  }
  const [away, back, ...more] = told();
  expect(more).toEqual([]);
  expect(away).toMatchObject({
    level: 40,
    msg: expect.stringMatching(/^no token can be checked: /),
  });
  expect(away.err).not.toHaveProperty('stack');
  expect(back).toMatchObject({ level: 30, msg: 'tokens can be checked again' });
});
