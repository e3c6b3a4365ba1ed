import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { healthy } from '../testing/fixtures.test-support.ts';
import { binPath, collect, exitOf, token } from '../testing/run-bin.test-support.ts';
import { startStubApi } from '../testing/stub-api.test-support.ts';
import { completionScripts } from './scripts.ts';

test.each([
  { words: ['vm', 're'], expected: 'reboot\nreset\n' },
  { words: ['logs', 'ng'], expected: 'nginx\n' },
  { words: ['vm', ''], expected: 'status\nstart\nstop\nreboot\nreset\n' },
  { words: ['frob', ''], expected: '' },
])('bash completes $words by asking the CLI', async ({ words, expected }) => {
  await using api = await startStubApi(healthy);
  const script = `${completionScripts.bash}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ondemand
for candidate in "\${COMPREPLY[@]}"; do echo "$candidate"; done`;
  const bash = spawn('bash', ['--norc', '-c', script, 'bash', binPath, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ONDEMAND_URL: api.url, ONDEMAND_TOKEN: token },
  });
  const [stdout, stderr] = [collect(bash.stdout), collect(bash.stderr)];
  expect(await exitOf(bash)).toBe(0);
  expect({ stdout: stdout(), stderr: stderr() }).toEqual({ stdout: expected, stderr: '' });
});
