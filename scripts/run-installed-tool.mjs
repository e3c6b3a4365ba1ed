// Runs a tool of this workspace, so that every script starts it alike.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onLauncherGone } from './end-with-parent.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));

const bins = {
  turbo: 'node_modules/turbo/bin/turbo',
  vitest: 'node_modules/vitest/vitest.mjs',
  biome: 'node_modules/@biomejs/biome/bin/biome',
};

/** Resolves with the exit code. A tool is one of ours, `node` for a script, or `sh`. */
export async function run(tool, args, { env = {} } = {}) {
  const child = start(tool, args, { stdio: 'inherit', env });
  // A terminal's Ctrl-C reaches the child by itself; whoever stops only us means the child too.
  const wait = () => {};
  const pass = (signal) => child.kill(signal);
  process.on('SIGINT', wait).on('SIGTERM', pass).on('SIGHUP', pass);
  const endWatch = onLauncherGone(() => pass('SIGTERM'));
  try {
    return await exitOf(child);
  } finally {
    endWatch();
    process.off('SIGINT', wait).off('SIGTERM', pass).off('SIGHUP', pass);
  }
}

/** Builds what `filter` needs (everything by default) and says nothing unless that fails; resolves with the exit code. */
export async function build(filter) {
  const args = ['run', 'build', ...(filter ? [`--filter=${filter}`] : [])];
  const child = start('turbo', args, { stdio: ['ignore', 'pipe', 'pipe'], env: {} });
  const chunks = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => chunks.push(chunk));
  const code = await exitOf(child);
  if (code !== 0) process.stderr.write(Buffer.concat(chunks));
  return code;
}

/** Builds, and compiles the programs that measure, so that nothing of a test runner is in their process; resolves with the exit code. */
export async function buildPrograms() {
  const compile = ['node_modules/typescript/bin/tsc', '-p', 'tests/tsconfig.measurements.json'];
  return (await build()) || (await run('node', compile));
}

function start(tool, args, { stdio, env }) {
  const ours = bins[tool] === undefined ? [] : [root + bins[tool]];
  return spawn(tool === 'sh' ? tool : process.execPath, [...ours, ...args], {
    cwd: root,
    stdio,
    env: { ...process.env, DO_NOT_TRACK: '1', TURBO_TELEMETRY_DISABLED: '1', ...env },
  });
}

function exitOf(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
