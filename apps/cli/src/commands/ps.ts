// `ondemand ps`: all containers.

import { defineCommand } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { flag } from '../options.ts';
import { toPrintable } from '../output/printable.ts';
import { toContainerTable } from './container-table.ts';

export const ps = defineCommand({
  description: 'List all containers on oci-flex in all states, as docker ps -a.',
  options: { quiet: flag('Print names only, one a line', 'q') },
  examples: ['ondemand ps', 'ondemand restart $(ondemand ps -q)', 'ondemand ps --json'],
  async run({ connect, output, signal }, { options }) {
    const client = await connect();
    using _spinner = output.spin('Listing containers');
    const containers = await client.containers.list.query(undefined, { signal });
    output.show(containers, () =>
      options.quiet
        ? containers.map(({ name }) => `${toPrintable(name)}\n`).join('')
        : toContainerTable(containers, output.style),
    );
    return exitCodes.done;
  },
});
