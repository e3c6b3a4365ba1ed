import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.test-support.ts';

const json = { 'content-type': 'application/json' };
const lines: string[] = [];
let server: TestServer;
beforeAll(async () => {
  const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  server = await startTestServer({}, { logger });
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  lines.length = 0;
});

const post = (body: string): RequestInit => ({ method: 'POST', headers: json, body });

test.each([
  ['a badly encoded URL', '/containers/%/status?access_token=SECRET', {}, '/containers/%/status'],
  ['a name that is too long', `/jobs/${'a'.repeat(4097)}?access_token=SECRET`, {}, '/jobs/aaa'],
  ['an unknown path', '/nope?access_token=SECRET', {}, '/nope'],
  ['an unknown query key', '/vm/status?access_token=SECRET', {}, '/vm/status'],
  ['a malformed body', '/vm/start', post('{SECRET'), '/vm/start'],
  ['a malformed tRPC body', '/trpc/vm.start', post('{SECRET'), '/trpc/vm.start'],
  ['a malformed tRPC input', '/trpc/containers.status?input=SECRET', {}, '/trpc/containers.status'],
  [
    'a malformed input of a tRPC stream',
    '/trpc/containers.followLogs?input=SECRET',
    {},
    '/trpc/containers.followLogs',
  ],
  [
    'a wrong tRPC input',
    `/trpc/containers.status?input=${encodeURIComponent('{"name":"/SECRET"}')}`,
    {},
    '/trpc/containers.status',
  ],
  [
    'a malformed batch',
    '/trpc/vm.start,vm.stop?batch=1',
    post('[SECRET'),
    '/trpc/vm.start,vm.stop',
  ],
])(
  '%s is logged by its path and its code, without what it holds',
  async (_, path, init, logged) => {
    expect((await server.ask(path, { as: 'admin', ...init })).status).toBeGreaterThanOrEqual(400);
    const refusals = lines.map((line) => JSON.parse(line)).filter(({ err }) => err !== undefined);
    expect(refusals).not.toEqual([]);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ level: 20, msg: 'request refused' });
      expect(refusal.path.slice(0, logged.length)).toBe(logged);
      expect(refusal.path.length).toBeLessThan(256);
      expect(refusal.err.code).toMatch(/^(?:BAD_REQUEST|NOT_FOUND)$/);
    }
    expect(lines.join('')).not.toContain('SECRET');
  },
);
