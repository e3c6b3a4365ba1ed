// The published reference's own curl lines, as they stand there but for host and token.

import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { run } from '../support/run.ts';
import { startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

test('every curl line of the published reference works', async () => {
  const reference = await readFile(
    new URL('../../../docs/rest-api-reference.md', import.meta.url),
    'utf8',
  );
  const lines = [...reference.matchAll(/`(curl .*)`/g)].map(([, line = '']) => line);
  expect(lines).toHaveLength(8);
  await using app = await startAppHere();
  const { world } = app.sandbox;
  for (const line of lines) {
    const wanted = line.endsWith('/vm/start') ? 'STOPPED' : 'RUNNING';
    if (world.instance.lifecycleState !== wanted) world.setLifecycleState(wanted);
    if (wanted === 'RUNNING')
      await until('SSH answers', async () => (await app.get('/containers')).ok);
    const command = line
      .replace('https://api.diegonmarcos.com', app.url)
      .replace("'Authorization: Bearer $TOKEN'", '"Authorization: Bearer $TOKEN"')
      .replace('curl ', 'curl -sS --fail-with-body ');
    const { exitCode, stdout } = await run(['sh', '-c', command], {
      env: { PATH: process.env.PATH, TOKEN: app.tokens.admin },
    });
    expect({ line, exitCode, stdout: JSON.parse(stdout) }).toMatchObject({ exitCode: 0 });
  }
});
