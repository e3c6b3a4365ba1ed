// `ondemand logs`: the end of a container's log, byte for byte as the container wrote it.

import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { parseCount } from '../options.ts';

export const logs = defineCommand({
  description: "Print the end of a container's log, stdout and stderr in order, unaltered.",
  operands: { arity: 'one', label: 'NAME', from: 'containers' },
  options: {
    lines: {
      kind: 'value',
      short: 'n',
      placeholder: 'NUMBER',
      summary: 'How many of the last lines, 1 to 10000 (default: 100)',
      fallback: 100,
      parse: (text: string) => parseCount(text, { min: 1, max: 10_000 }),
    },
  },
  examples: ['ondemand logs nginx', 'ondemand logs nginx -n 1000 | grep " 500 "'],
  async run({ connect, output, signal }, { options: { lines }, operands: [name] }) {
    const client = await connect();
    using _spinner = output.spin(`Reading the log of ${name}`);
    const log = await client.containers.logs.query({ name, lines }, { signal });
    output.show(log, () => log.logs);
    return exitCodes.done;
  },
});
