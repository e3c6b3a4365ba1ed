// `ondemand vm …`: the VM's power.

import { defineCommand, type Group } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { toVmFacts } from '../views/vm-facts.ts';

const status = defineCommand({
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

export const vm: Group = {
  kind: 'group',
  description: "The VM's power, through OCI: it works whether the VM answers or not.",
  commands: [
    {
      name: 'status',
      summary: 'The state of the VM as OCI sees it',
      load: async () => status,
    },
    {
      name: 'start',
      summary: 'Start the VM',
      load: async () => (await import('./vm-power.ts')).start,
    },
    {
      name: 'stop',
      summary: 'Stop the VM, and with it what it costs',
      load: async () => (await import('./vm-power.ts')).stop,
    },
    {
      name: 'reboot',
      summary: 'Ask the operating system to reboot',
      load: async () => (await import('./vm-power.ts')).reboot,
    },
    {
      name: 'reset',
      summary: 'Cut the power and start again',
      load: async () => (await import('./vm-power.ts')).reset,
    },
    {
      name: 'console',
      summary: 'The end of its serial console',
      load: async () => (await import('./vm-console.ts')).vmConsole,
    },
  ],
  examples: ['ondemand vm status', 'ondemand vm start --wait', 'ondemand vm stop --yes --wait'],
};
