// `ondemand completion`: the script that lets a shell complete command lines.

import { defineCommand } from '../command-line/command.ts';
import { completionScripts, isShell, shells } from '../completion/scripts.ts';
import { exitCodes } from '../exit-codes.ts';

export const completion = defineCommand({
  description: `Print the script that completes commands, flags, containers, jobs, contexts and files in a shell.
One line in its start-up file installs it: the examples have that of each shell.`,
  operands: { arity: 'one', label: shells.join('|'), from: shells },
  options: {},
  examples: [
    'source <(ondemand completion bash)   # in ~/.bashrc',
    'source <(ondemand completion zsh)    # in ~/.zshrc, after compinit',
    'ondemand completion fish | source    # in ~/.config/fish/config.fish',
  ],
  async run({ output }, { operands: [shell] }) {
    if (isShell(shell)) output.show(completionScripts[shell], (script) => script);
    return exitCodes.done;
  },
});
