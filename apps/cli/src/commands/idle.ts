// `ondemand idle`: what keeps the VM on, signal by signal.

import { defineCommand } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { toIdleSheet } from '../views/idle-sheet.ts';

export const idle = defineCommand({
  description: `Show what keeps the VM on, signal by signal: who uses it, what to close, and when it stops.
It is the verdict that the API's own stop is decided by. Asking never counts as use.`,
  options: {},
  examples: [
    'ondemand idle',
    'ondemand idle --json | jq -r \'.signals[] | select(.state != "unused") | .name\'',
  ],
  async run({ connect, output, signal }) {
    const client = await connect();
    const spinner = output.spin('Looking at what uses the VM');
    const verdict = await client.vm.idle
      .query(undefined, { signal })
      .finally(() => spinner[Symbol.dispose]());
    const view = { style: output.style, now: new Date(), width: output.columns() };
    output.show(verdict, () => toIdleSheet(verdict, view));
    return exitCodes.done;
  },
});
