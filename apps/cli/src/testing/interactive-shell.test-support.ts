// A person at a real shell: it has a terminal, the completion of ondemand, and keys that are typed into it.

import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expect } from 'vitest';
import { completion } from '../commands/completion.ts';
import type { Shell } from '../completion/scripts.ts';
import { serializeLogins } from '../login/login-file-format.ts';
import { binPath, collect, exitOf } from './run-bin.test-support.ts';
import { makeTemporaryFolder } from './temporary-folder.test-support.ts';

/** Whether the shell is installed, and util-linux's `script`, which gives it a terminal. */
export function canRun(shell: Shell): boolean {
  const versionOf = (command: string) => spawnSync(command, ['--version'], { encoding: 'utf8' });
  return versionOf(shell).status === 0 && (versionOf('script').stdout ?? '').includes('util-linux');
}

export interface Typed {
  readonly shell: Shell;
  /** Where the cursor is then, Tab is pressed, and Enter. */
  readonly line: string;
  /** Empty files in the folder that the shell is in. */
  readonly files?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The words that the command got, which only writes them down; `redirected` is what is in the first of the files then. */
export async function typeInShell({ shell, line, files = [], env = {} }: Typed) {
  await using folder = await makeTemporaryFolder();
  const at = (name: string) => join(folder.path, name);
  for (const file of files) await writeFile(at(file), '');
  for (const [name, text] of Object.entries(startFiles)) await writeFile(at(name), text);
  await mkdir(at('.config/ondemand'), { recursive: true });
  await writeFile(at('.config/ondemand/logins.json'), logins, { mode: 0o600 });
  await writeFile(at('ondemand'), command);
  await chmod(at('ondemand'), 0o755);
  const terminal = spawn('script', ['-qfec', starts[shell], '/dev/null'], {
    cwd: folder.path,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: [folder.path, process.env.PATH].join(delimiter),
      HOME: folder.path,
      ZDOTDIR: folder.path,
      TERM: 'dumb',
      NODE: process.execPath,
      BIN: binPath,
      ...env,
    },
    timeout: 240_000,
    killSignal: 'SIGKILL',
  });
  const exit = exitOf(terminal);
  const shown = collect(terminal.stdout);
  const read = (name: string) => readFile(at(name), 'utf8').catch(() => '');
  await expect.poll(shown).toContain('READY');
  terminal.stdin.write(`${line}\t\n`);
  await expect.poll(() => read('.words')).toMatch(/\n$/);
  terminal.stdin.write('exit\n');
  await exit;
  const words = (await read('.words')).trimEnd();
  return { words, redirected: await read(files[0] ?? '.none'), shown: shown() };
}

const starts: Readonly<Record<Shell, string>> = {
  bash: 'bash --noprofile --rcfile .bashrc -i',
  zsh: 'zsh -i',
  fish: "fish --no-config -i -C 'source .fishrc'",
};

const startFiles = {
  '.bashrc': `${installing('bash')}PS1="READY "\n`,
  '.zshrc': `autoload -Uz compinit; compinit -D -u\n${installing('zsh')}PROMPT="READY "\n`,
  '.fishrc': `${installing('fish')}function fish_prompt; echo -n "READY "; end\n`,
};

/** The line that the help of `ondemand completion` has for the start-up file of this shell. */
function installing(shell: Shell): string {
  const line = completion.examples.find((example) => example.includes(`completion ${shell}`));
  return `${line}\n`;
}

const logins = serializeLogins({
  current: undefined,
  logins: {
    'http://127.0.0.1:9': {
      name: 'home:5000',
      issuer: 'http://127.0.0.1:9',
      clientId: 'cli',
      scope: 'read',
      accessToken: 'stored',
    },
  },
});

const command = `#!/bin/sh
case "$1" in __*) exec "$NODE" "$BIN" "$@" ;; esac
if [ "$1" = completion ] && [ ! -e "$HOME/.installed" ]; then
  : > "$HOME/.installed"
  exec "$NODE" "$BIN" "$@"
fi
printf '<%s>' "$@" | tee "$HOME/.words.part"
echo >> "$HOME/.words.part"
mv "$HOME/.words.part" "$HOME/.words"
`;
