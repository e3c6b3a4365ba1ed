// Many processes with tokens that live for seconds, at an issuer that takes a refresh token once and revokes what a renewal replaced.

import { expect, test } from 'vitest';
import { startLoggedIn } from './start-stage.ts';

/** 20 in the long form, which takes minutes. */
const rounds = Number(process.env.RENEWAL_ROUNDS ?? 2);

test(`${rounds} rounds of ten processes with tokens of 30 s: each succeeds, and each round renews once`, async () => {
  await using stage = await startLoggedIn({
    sandbox: { oidc: { flavour: 'authelia', accessTokenTtlSeconds: 30 } },
  });
  const { app, cli } = stage;
  const { oidc } = app.sandbox;
  for (let round = 0; round < rounds; round += 1) {
    await cli.endAccessToken(app.url);
    oidc.clear();
    const results = await Promise.all(Array.from({ length: 10 }, () => cli.run('ps -q')));
    expect(results.map(({ exitCode, stderr }) => `${exitCode}${stderr}`)).toEqual(
      Array(10).fill('0'),
    );
    expect(oidc.count(oidc.paths.token)).toBe(1);
  }
});
