// `ondemand version`: the same as `ondemand --version`, as docker has it.

import { defineCommand } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { version as release } from '../version.ts';

export const version = defineCommand({
  description: 'Show the version of ondemand; it asks no API. --json prints {"version"}.',
  options: {},
  examples: ['ondemand version'],
  async run({ output }) {
    output.show({ version: release }, (shown) => `ondemand ${shown.version}\n`);
    return exitCodes.done;
  },
});
