// The product on the other versions of Node that it supports, started once on each. Whole suites run on them by `.ci/run --all`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '@ondemand/sandbox';
import { expect, test } from 'vitest';
import { describeWith } from '../slow/describe-or-skip.ts';
import { cacheFolder } from '../slow/fetch-npm-tool.ts';
import { run } from '../support/run.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const [own] = process.versions.node.split('.');

for (const major of ['20', '22', '24'].filter((each) => each !== own))
  describeWith(findNode(major), `on Node ${major}`, ({ program }) => {
    test('the sandbox, the API and the CLI do what they do on any, and warn of nothing', async () => {
      const env = { ...process.env, NO_COLOR: '1', PORT: String(await findFreePort()) };
      const child = spawn(program, [join(root, 'scripts/start-sandbox-and-api.mjs'), '--json'], {
        env: { ...env, NODE_OPTIONS: '--trace-warnings' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const closed = once(child, 'close');
      let warned = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        warned += text;
      });
      try {
        const reader = createInterface({ input: child.stdout });
        const [line = ''] = await Promise.race([once(reader, 'line'), closed]);
        const { url, tokens } = JSON.parse(line);
        const version = await (await fetch(`${url}/healthz`)).json();
        expect(version).toMatchObject({ status: 'ok' });
        const bin = join(root, 'apps/cli/bin/ondemand.js');
        const login = { ...env, ONDEMAND_URL: url, ONDEMAND_TOKEN: tokens.admin };
        for (const [args, expected] of [
          [['restart', 'nginx'], 'nginx'],
          [['ps'], 'nginx'],
        ] as const) {
          const { exitCode, stdout, stderr } = await run([program, bin, ...args], { env: login });
          expect([exitCode, stderr]).toEqual([0, '']);
          expect(stdout).toContain(expected);
        }
      } finally {
        child.kill('SIGINT');
      }
      expect(await closed).toEqual([0, null]);
      expect(warned).not.toContain('Warning');
    });
  });

/** As `.ci/install-node` fetched it. */
function findNode(major: string): { readonly program: string } | string {
  const program = join(cacheFolder, `node-${major}/bin/node`);
  return existsSync(program)
    ? { program }
    : `there is no Node ${major}; .ci/install-node ${major} gets it`;
}
