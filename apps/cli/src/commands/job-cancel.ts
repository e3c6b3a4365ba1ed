// `ondemand jobs cancel`: ends a running job.

import { defineCommand } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';

export const cancel = defineCommand({
  description: `End a job that runs on oci-flex: its processes get TERM, and KILL after 10 seconds.
What it has done by then stays; its compose project can be rebuilt again.`,
  operands: { arity: 'one', label: 'ID', from: 'jobs' },
  options: {},
  examples: ['ondemand jobs cancel 20260208T101530Z-1f2e3d4c'],
  async run({ connect, output, signal }, { operands: [id] }) {
    const client = await connect();
    using _spinner = output.spin(`Cancelling job ${id}`);
    const job = await client.jobs.cancel.mutate({ id }, { signal });
    output.show(job, () => `${job.id}\n`);
    return exitCodes.done;
  },
});
