// Runs a tool of this workspace, so that every script starts it alike.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Resolves with the exit code. `stdout: 'stderr'` keeps our own stdout for the caller. */
export function run(tool, args, { stdout = 'inherit', env = {} } = {}) {
  const [command, ...prefix] =
    tool === 'node' ? [process.execPath] : [process.execPath, binOf(tool)];
  const child = spawn(command, [...prefix, ...args], {
    cwd: root,
    stdio: ['inherit', stdout === 'stderr' ? 2 : stdout, 'inherit'],
    env: { ...process.env, DO_NOT_TRACK: '1', TURBO_TELEMETRY_DISABLED: '1', ...env },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ? 1 : (code ?? 1)));
  });
}

function binOf(tool) {
  const bins = {
    turbo: 'turbo/bin/turbo',
    vitest: 'vitest/vitest.mjs',
    biome: '@biomejs/biome/bin/biome',
  };
  return `${root}node_modules/${bins[tool]}`;
}
