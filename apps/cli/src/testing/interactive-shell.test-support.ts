// A person at a real shell: it has a terminal, the completion of ondemand, and keys that are typed into it.

import { spawn, spawnSync } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expect } from 'vitest';
import { completionScripts, type Shell } from '../completion/scripts.ts';
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
  await writeFile(at('.script'), completionScripts[shell]);
  for (const [name, text] of Object.entries(startFiles)) await writeFile(at(name), text);
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
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const exit = exitOf(terminal);
  const shown = collect(terminal.stdout);
  const read = (name: string) => readFile(at(name), 'utf8').catch(() => '');
  await expect.poll(shown, pollOptions).toContain('READY');
  terminal.stdin.write(`${line}\t\n`);
  await expect.poll(() => read('.words'), pollOptions).toMatch(/\n$/);
  terminal.stdin.write('exit\n');
  await exit;
  const words = (await read('.words')).trimEnd();
  return { words, redirected: await read(files[0] ?? '.none') };
}

const pollOptions = { timeout: 60_000 };

const starts: Readonly<Record<Shell, string>> = {
  bash: 'bash --noprofile --rcfile .bashrc -i',
  zsh: 'zsh -i',
  fish: "fish --no-config -i -C 'source .fishrc'",
};

const startFiles = {
  '.bashrc': 'source .script; PS1="READY "\n',
  '.zshrc': 'autoload -Uz compinit; compinit -D -u; source .script; PROMPT="READY "\n',
  '.fishrc': 'source .script; function fish_prompt; echo -n "READY "; end\n',
};

const command = `#!/bin/sh
[ "$1" = __complete ] && exec "$NODE" "$BIN" "$@"
printf '<%s>' "$@" | tee "$HOME/.words.part"
echo >> "$HOME/.words.part"
mv "$HOME/.words.part" "$HOME/.words"
`;
