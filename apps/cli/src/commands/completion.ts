// `ondemand completion`: the script that lets a shell complete command lines.

import { defineCommand } from '../command-line/command.ts';
import { completionScripts, isShell, shells } from '../completion/scripts.ts';
import { exitCodes } from '../exit-codes.ts';

export const completion = defineCommand({
  description: `Print the script that completes commands, flags, containers and jobs in a shell.`,
  operands: { arity: 'one', label: shells.join('|'), from: shells },
  options: {},
  examples: [
    'source <(ondemand completion bash)   # in ~/.bashrc',
    'source <(ondemand completion zsh)    # in ~/.zshrc, after compinit',
    'ondemand completion fish > ~/.config/fish/completions/ondemand.fish',
  ],
  async run({ output }, { operands: [shell] }) {
    if (isShell(shell)) output.show(completionScripts[shell], (script) => script);
    return exitCodes.done;
  },
});
