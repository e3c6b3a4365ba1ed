// `ondemand vm status`: the VM as OCI sees it.

import { defineCommand } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { toVmFacts } from '../views/vm-facts.ts';

export const vmStatus = defineCommand({
  description: 'Show the state of the VM as OCI sees it now.',
  options: {},
  examples: ['ondemand vm status', "ondemand vm status --json | jq -r '.ip'"],
  async run({ connect, output, signal }) {
    const client = await connect();
    using _spinner = output.spin('Asking OCI for the VM');
    const state = await client.vm.status.query(undefined, { signal });
    output.show(state, () => toVmFacts(state, output.style, output.columns()));
    return exitCodes.done;
  },
});
