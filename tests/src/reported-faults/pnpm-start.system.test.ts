// `pnpm start` as a new user runs it, but for the port.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '@ondemand/sandbox';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../support/run.ts';
import { until } from '../support/until.ts';
import { report } from './reports.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const script = join(root, 'scripts/start-sandbox-and-api.mjs');

test(
  report(
    26,
    'start --json in a TMPDIR of 92 characters prints one line once the API answers, and SIGINT stops all of it',
  ),
  async () => {
    const port = await findFreePort();
    const parent = await mkdtemp(join(tmpdir(), 'ondemand-long-'));
    onTestFinished(() => rm(parent, { recursive: true, force: true }));
    const temporary = join(parent, 'x'.repeat(Math.max(8, 91 - parent.length)));
    await mkdir(temporary);
    const child = spawn(process.execPath, [script, '--json'], {
      env: { ...process.env, PORT: String(port), NO_COLOR: '1', TMPDIR: temporary },
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
  },
);

/** What a terminal's Ctrl-C ends, too: the package manager that runs the script. */
async function startByPnpm() {
  const pnpm = process.env.npm_execpath?.includes('pnpm')
    ? [process.execPath, process.env.npm_execpath]
    : ['npx', '--yes', 'pnpm@10'];
  const [command = '', ...args] = [...pnpm, 'start'];
  const { FORCE_COLOR: _, ...inherited } = process.env;
  const child = spawn(command, args, {
    cwd: root,
    env: { ...inherited, PORT: String(await findFreePort()), NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own
  });
  const ended = once(child, 'close');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const signal = (name: NodeJS.Signals) => process.kill(-(child.pid ?? 0), name);
  return {
    output: () => output,
    async interrupt() {
      signal('SIGINT');
      await ended;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) signal('SIGTERM');
      await ended;
    },
  };
}

test(`${report(31, "README's curl lines work with what start says to paste")}; ${report(32, 'which is the last that it says, also after Ctrl-C')}`, async () => {
  await using started = await startByPnpm();
  const last = 'Ctrl-C stops all of it.';
  await until('the welcome', () => started.output().includes(last), { timeoutMs: 120_000 });
  const pasted = started.output().match(/^ *export (?:URL|TOKEN|READ_TOKEN)=.*$/gm) ?? [];
  expect(pasted).toHaveLength(3);

  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const lines = readme.split('\n').filter((line) => /^curl .*\$URL/.test(line));
  expect(lines.length).toBeGreaterThan(4);
  for (const line of lines) {
    const script = [...pasted, line.replace(/^curl/, 'curl -sS --fail-with-body')].join('\n');
    const { exitCode, stdout } = await run(['sh', '-c', script]);
    expect({ line, exitCode, stdout }).toMatchObject({ exitCode: 0 });
    expect(stdout).not.toBe('');
  }

  await started.interrupt();
  expect(started.output().split(last).at(-1)?.trim()).toBe('');
  const withoutTokens = pasted.reduce((text, line) => text.replace(line, ''), started.output());
  expect(withoutTokens).not.toMatch(/ELIFECYCLE|ERR_|error/i);
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
