// Many processes with tokens that live for seconds, at an issuer that takes a refresh token once and revokes what a renewal replaced.

import { expect } from 'vitest';
import { startLoggedIn } from './start-api-and-cli.ts';

/** Ten processes at once whose token has ended, each time: all succeed, and one of them renews. */
export async function renewConcurrently(times: number): Promise<void> {
  await using world = await startLoggedIn({
    sandbox: { oidc: { flavour: 'authelia', accessTokenTtlSeconds: 30 } },
  });
  const { app, cli } = world;
  const { oidc } = app.sandbox;
  for (let time = 0; time < times; time += 1) {
    await cli.endAccessToken(app.url);
    oidc.clear();
    const results = await Promise.all(Array.from({ length: 10 }, () => cli.start('ps -q').result));
    expect(results.map(({ exitCode, stderr }) => `${exitCode}${stderr}`)).toEqual(
      Array(10).fill('0'),
    );
    expect(oidc.count(oidc.paths.token)).toBe(1);
  }
}
