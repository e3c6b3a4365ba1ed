// `ondemand inspect`: one container in full.

import { defineCommand } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { toInspectionSheet } from '../views/inspection-sheet.ts';

export const inspect = defineCommand({
  description:
    'Show one container in full: state, health, mounts, networks, limits, labels.\nOf its environment the names alone: the API never gives values.',
  operands: { arity: 'one', label: 'NAME', from: 'containers' },
  options: {},
  examples: ['ondemand inspect nginx', "ondemand inspect nginx --json | jq -r '.health.status'"],
  async run({ connect, output, signal }, { operands: [name] }) {
    const client = await connect();
    using _spinner = output.spin(`Inspecting ${name}`);
    const container = await client.containers.inspect.query({ name }, { signal });
    output.show(container, () =>
      toInspectionSheet(container, {
        style: output.style,
        now: new Date(),
        width: output.columns(),
      }),
    );
    return exitCodes.done;
  },
});
