import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { toHostProblem } from './listen-host.ts';

/** What listening there fails with. */
function failureAt(host: string, port = 0): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', resolve);
    server.listen({ host, port }, () => server.close(() => reject(new Error('it listens'))));
  });
}

test.each([
  ['no..name', 'ENOTFOUND'],
  ['192.0.2.1', 'EADDRNOTAVAIL'],
])('a HOST of %s is told with its name', async (HOST, code) => {
  const problem = toHostProblem(await failureAt(HOST), { HOST });
  expect(problem).toBe(
    `HOST: ${HOST} cannot be listened on (${code}); it must be an address of this machine`,
  );
});

test.each(['EAI_AGAIN', 'EAFNOSUPPORT', 'EINVAL'])('so is %s', (code) => {
  const error = Object.assign(new Error(`listen ${code}`), { code });
  expect(toHostProblem(error, { HOST: 'fe80::1' })).toMatch(/^HOST: fe80::1 .+ of this machine$/);
});

test.each([
  Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE' }),
  Object.assign(new Error('listen EACCES'), { code: 'EACCES' }),
  new Error('ENOTFOUND'),
  'ENOTFOUND',
  undefined,
])('%s is no problem of HOST', (error) => {
  expect(toHostProblem(error, { HOST: '127.0.0.1' })).toBeUndefined();
});
