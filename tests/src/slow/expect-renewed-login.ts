// The login of a machine at an issuer that others wrote, from the first token to the second.

import { expect } from 'vitest';
import type { ApiAndCli } from '../login/start-api-and-cli.ts';

/** Logs in as `machine` by the given arguments, and lets an action renew the token. */
export async function expectRenewedLogin(
  { app, cli }: Pick<ApiAndCli, 'app' | 'cli'>,
  login: string,
): Promise<void> {
  expect(await cli.run(login)).toEqual({
    exitCode: 0,
    stdout: `Logged in at ${app.url} as machine (read, wake, admin)\n`,
    stderr: '',
  });
  const before = await cli.readLogin(app.url);
  await cli.endAccessToken(app.url);
  expect(await cli.run('restart nginx')).toMatchObject({ exitCode: 0, stderr: '' });
  expect((await cli.readLogin(app.url)).accessToken).not.toBe(before.accessToken);
}
