// `ondemand vm console`: the end of the serial console, for a VM that answers to nothing else.

import { defineCommand } from '../command-line/command.ts';
import { parseCount } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { toPrintableText } from '../output/printable.ts';

export const vmConsole = defineCommand({
  description: `Print the end of the VM's serial console, captured now through OCI: what it says while it boots,
and the one thing that is heard of a VM which answers to nothing else. Takes up to a minute.`,
  options: {
    lines: {
      kind: 'value',
      short: 'n',
      placeholder: 'LINES',
      summary: 'How many of the last lines (default: 200)',
      fallback: undefined as number | undefined,
      parse: (text: string) => parseCount(text, { min: 1, max: 10_000 }),
    },
  },
  examples: ['ondemand vm console', 'ondemand vm console -n 1000 | grep -i error'],
  async run({ connect, output, signal }, { options: { lines } }) {
    const client = await connect();
    using _spinner = output.spin('Asking OCI for the serial console');
    const captured = await client.vm.console.query({ lines }, { signal, timeoutMs: 90_000 });
    output.show(captured, ({ logs }) => (output.isTerminal ? toPrintableText(logs) : logs));
    return exitCodes.done;
  },
});
