// What is told of a whole environment: everything that is wrong with it, and nothing that only follows from that.

import { expect, test } from 'vitest';
import { readConfiguration } from './read-configuration.ts';

const namesOf = (lines: readonly string[]) => lines.map((line) => line.split(':', 1)[0]);

test.each([
  [{ OIDC_CLIENT_ID: 'api', OIDC_CLIENT_SECRET_FILE: '/nonexistent' }, 'OIDC_CLIENT_SECRET_FILE'],
  [{ OIDC_CLIENT_ID: 'api', OIDC_CLIENT_SECRET: '\r' }, 'OIDC_CLIENT_SECRET'],
  [{ OIDC_CLIENT_ID: ' ', OIDC_CLIENT_SECRET: 'secret' }, 'OIDC_CLIENT_ID'],
  [{ OIDC_CLIENT_ID: 'api' }, 'OIDC_CLIENT_ID'],
  [{ OIDC_CLIENT_SECRET: 'secret' }, 'OIDC_CLIENT_SECRET'],
])('of %j the one line is %s', async (client, name) => {
  const { problems } = await readConfiguration(client, undefined);
  expect(namesOf(problems).filter((each) => each?.startsWith('OIDC_CLIENT_'))).toEqual([name]);
});
