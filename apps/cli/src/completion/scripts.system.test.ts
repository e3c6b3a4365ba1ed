import { spawn } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { healthy } from '../testing/fixtures.test-support.ts';
import { canRun, typeInShell } from '../testing/interactive-shell.test-support.ts';
import { binPath, collect, exitOf, token } from '../testing/run-bin.test-support.ts';
import { startStubApi } from '../testing/stub-api.test-support.ts';
import { completionScripts, type Shell, shells } from './scripts.ts';

test.each([
  { words: ['vm', 're'], expected: 'reboot\nreset\n' },
  { words: ['logs', 'ng'], expected: 'nginx\n' },
  { words: ['vm', ''], expected: 'status\nstart\nstop\nreboot\nreset\nconsole\n' },
  { words: ['frob', ''], expected: '' },
  { words: ['ps', ''], expected: '' },
])('bash completes $words by asking the CLI', async ({ words, expected }) => {
  await using api = await startStubApi(healthy);
  const script = `${completionScripts.bash}
COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ondemand
for candidate in "\${COMPREPLY[@]}"; do echo "$candidate"; done`;
  const bash = spawn('bash', ['--norc', '-c', script, 'bash', binPath, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ONDEMAND_URL: api.url, ONDEMAND_TOKEN: token },
  });
  const [stdout, stderr] = [collect(bash.stdout), collect(bash.stderr)];
  expect(await exitOf(bash)).toBe(0);
  expect({ stdout: stdout(), stderr: stderr() }).toEqual({ stdout: expected, stderr: '' });
});

describe.each(shells.map((shell) => ({ shell, title: told(shell, `${shell}, with Tab pressed`) })))(
  '$title',
  ({ shell }) => {
    const files = ['secret-file'];

    test.skipIf(!canRun(shell)).each([
      ['ondemand vm reb', '<vm><reboot>'],
      ['ondemand jobs -f --js', '<jobs><-f><--json>'],
      ['ondemand --url http://127.0.0.1:9 logo', '<--url><http://127.0.0.1:9><logout>'],
      ['ondemand login --client-secret-file sec', '<login><--client-secret-file><secret-file>'],
      ['ondemand login --client-secret-file=sec', '<login><--client-secret-file=secret-file>'],
      ['echo x; ondemand completion fi', '<completion><fish>'],
      ['ondemand events sec', '<events><sec>'],
      ['ondemand --context home:5', '<--context><home:5000>'],
    ])('completes %s', async (line, words) => {
      expect(await typeInShell({ shell, line, files })).toMatchObject({ words });
    });

    test.skipIf(!canRun(shell))('completes names of the API at --url', async () => {
      await using api = await startStubApi(healthy);
      const line = `ondemand --url ${api.url} restart ng`;
      const { words } = await typeInShell({ shell, line, env: { ONDEMAND_TOKEN: token } });
      expect(words).toBe(`<--url><${api.url}><restart><nginx>`);
    });

    test.skipIf(!canRun(shell))('completes the file that output goes to', async () => {
      await using api = await startStubApi(healthy);
      const env = { ONDEMAND_URL: api.url, ONDEMAND_TOKEN: token };
      const line = 'ondemand start backup > n';
      const typed = await typeInShell({ shell, line, files: ['notes'], env });
      expect(typed).toMatchObject({ words: '<start><backup>', redirected: '<start><backup>' });
    });
  },
);

describe.each([{ shell: 'zsh' }, { shell: 'fish' }] as const)('$shell', ({ shell }) => {
  test.skipIf(!canRun(shell))(told(shell, `${shell} says what each candidate is`), async () => {
    // fish paints its list only where the terminal can; its own command prints the same.
    const fish = 'complete -C "ondemand vm re"; ondemand whoami';
    const line = shell === 'fish' ? fish : 'ondemand vm re';
    const { shown } = await typeInShell({ shell, line });
    expect(shown).toContain('Cut the power and start again');
    expect(shown).toContain('Ask the operating system to reboot');
  });
});

/** The title, with the reason where its tests are skipped. */
function told(shell: Shell, title: string): string {
  return canRun(shell) ? title : `${title} [skipped: ${shell} is not installed]`;
}
