// `pnpm start` as a stranger runs it, but for the port.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const script = fileURLToPath(new URL('../../../scripts/start.mjs', import.meta.url));

test('start --json prints one line once the API answers, and SIGINT stops all of it', async () => {
  const port = await findFreePort();
  const child = spawn(process.execPath, [script, '--json'], {
    env: { ...process.env, PORT: String(port), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  const first = once(reader, 'line');
  reader.on('line', (line) => lines.push(line));
  try {
    await Promise.race([first, exited]);
    const { url, docs, tokens, env } = JSON.parse(lines[0] ?? '');
    expect({ url, docs }).toEqual({
      url: `http://127.0.0.1:${port}`,
      docs: `http://127.0.0.1:${port}/docs`,
    });
    expect(env.OCI_INSTANCE_ID).toMatch(/^ocid1\.instance\./);
    expect((await fetch(docs)).status).toBe(200);
    const ask = (method: string, path: string, token: string) =>
      fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
    expect((await ask('GET', '/containers/nginx/status', tokens.read)).status).toBe(200);
    expect((await ask('POST', '/containers/nginx/restart', tokens.read)).status).toBe(403);
    expect((await ask('POST', '/containers/nginx/restart', tokens.admin)).status).toBe(200);
    child.kill('SIGINT');
    expect(await exited).toEqual([0, null]);
    expect(lines).toHaveLength(1);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  } finally {
    child.kill('SIGTERM');
    await exited;
  }
});

test.runIf(process.platform === 'linux')(
  `start ends with the package manager that ran it, however that ends${process.platform === 'linux' ? '' : ' [skipped: only Linux tells]'}`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ondemand-start-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const launcher = join(folder, 'npm');
    await writeFile(
      launcher,
      `require('node:child_process').spawn(process.execPath, ${JSON.stringify([script, '--json'])}, { stdio: 'inherit' });`,
    );
    const port = await findFreePort();
    const npm = spawn(process.execPath, [launcher], {
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = once(npm.stdout, 'close'); // which every process has that it started
    const first = once(createInterface({ input: npm.stdout }), 'line');
    const ending = ended.then(() => expect.unreachable('it ended before it had started'));
    await Promise.race([first, ending]);
    npm.kill('SIGKILL');
    await until('the API to be gone', () =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    await ended;
  },
);
