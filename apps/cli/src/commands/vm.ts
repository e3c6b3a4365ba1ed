// `ondemand vm …`: the VM's power.

import type { Group } from '../command-line/command.ts';

export const vm: Group = {
  kind: 'group',
  description: "The VM's power, through OCI: it works whether the VM answers or not.",
  commands: [
    {
      name: 'status',
      summary: 'The state of the VM as OCI sees it',
      load: async () => (await import('./vm-status.ts')).vmStatus,
    },
    {
      name: 'start',
      summary: 'Start the VM',
      load: async () => (await import('./vm-power.ts')).start,
    },
    {
      name: 'stop',
      summary: 'Stop the VM at once, and with it what it costs',
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
  ],
  examples: ['ondemand vm status', 'ondemand vm start --wait', 'ondemand vm stop --yes --wait'],
};
