// All commands, with what help needs to list them; each loads its module when it is used.

import type { Group } from '../command-line/command.ts';

export const root: Group = {
  kind: 'group',
  description: 'Control the on-demand VM oci-flex and the Docker containers on it.',
  commands: [
    {
      name: 'status',
      summary: 'The VM, why it is on, when it stops, and its containers at a glance',
      group: 'VM',
      load: async () => (await import('./status.ts')).status,
    },
    {
      name: 'wake',
      summary: 'Start the VM, wait until it is ready, keep it on',
      group: 'VM',
      load: async () => (await import('./wake.ts')).wake,
    },
    {
      name: 'keep',
      summary: 'Keep the VM on for a while, or show and end what does',
      group: 'VM',
      load: async () => (await import('./keep.ts')).keep,
    },
    {
      name: 'idle',
      summary: 'What keeps the VM on, and when it stops',
      group: 'VM',
      load: async () => (await import('./idle.ts')).idle,
    },
    {
      name: 'vm',
      summary: 'Look at the VM, start, stop, reboot or reset it',
      group: 'VM',
      load: async () => (await import('./vm.ts')).vm,
    },
    {
      name: 'ps',
      summary: 'List all containers, as docker ps -a',
      group: 'CONTAINERS',
      load: async () => (await import('./ps.ts')).ps,
    },
    {
      name: 'start',
      summary: 'Start containers',
      group: 'CONTAINERS',
      load: async () => (await import('./container-actions.ts')).start,
    },
    {
      name: 'stop',
      summary: 'Stop containers',
      group: 'CONTAINERS',
      load: async () => (await import('./container-actions.ts')).stop,
    },
    {
      name: 'restart',
      summary: 'Restart containers',
      group: 'CONTAINERS',
      load: async () => (await import('./container-actions.ts')).restart,
    },
    {
      name: 'rebuild',
      summary: 'Rebuild containers from their compose project',
      group: 'CONTAINERS',
      load: async () => (await import('./rebuild.ts')).rebuild,
    },
    {
      name: 'logs',
      summary: "Print the end of a container's log, or follow it",
      group: 'CONTAINERS',
      load: async () => (await import('./logs.ts')).logs,
    },
    {
      name: 'open',
      summary: 'Open what a container publishes in the browser, or print its URL',
      group: 'CONTAINERS',
      load: async () => (await import('./open.ts')).open,
    },
    {
      name: 'inspect',
      summary: 'Show one container in full',
      group: 'CONTAINERS',
      load: async () => (await import('./inspect.ts')).inspect,
    },
    {
      name: 'stats',
      summary: 'Show what containers use of CPU, memory, network and disk',
      group: 'CONTAINERS',
      load: async () => (await import('./stats.ts')).stats,
    },
    {
      name: 'ssh',
      summary: "The VM's shell, by your own ssh and key",
      load: async () => (await import('./ssh.ts')).ssh,
    },
    {
      name: 'exec',
      summary: 'Run a command in a container',
      load: async () => (await import('./exec.ts')).exec,
    },
    {
      name: 'port-forward',
      summary: 'Reach a port of a container from this machine',
      load: async () => (await import('./port-forward.ts')).portForward,
    },
    {
      name: 'cp',
      summary: 'Copy files out of and into a container, as docker cp',
      load: async () => (await import('./cp.ts')).cp,
    },
    {
      name: 'run',
      summary: 'Keep the VM on for as long as a command here runs',
      load: async () => (await import('./run.ts')).run,
    },
    {
      name: 'events',
      summary: 'Print what happens as it happens',
      group: 'HISTORY',
      load: async () => (await import('./events.ts')).events,
    },
    {
      name: 'jobs',
      summary: 'List the last jobs, show one or follow it',
      group: 'HISTORY',
      load: async () => (await import('./jobs.ts')).jobs,
    },
    {
      name: 'audit',
      summary: 'Who changed what, or tried to',
      group: 'HISTORY',
      load: async () => (await import('./audit.ts')).audit,
    },
    {
      name: 'api',
      summary: 'Call any operation of the API with this login',
      group: 'CLI',
      load: async () => (await import('./api.ts')).api,
    },
    {
      name: 'login',
      summary: 'Get an access token and keep it renewed',
      group: 'ACCESS',
      load: async () => (await import('./login.ts')).login,
    },
    {
      name: 'context',
      summary: 'List, pick, rename and remove the APIs that you have a login for',
      group: 'ACCESS',
      load: async () => (await import('./context.ts')).context,
    },
    {
      name: 'logout',
      summary: 'Forget the login and revoke its tokens',
      group: 'ACCESS',
      load: async () => (await import('./logout.ts')).logout,
    },
    {
      name: 'whoami',
      summary: 'Who the token speaks for and what it allows',
      group: 'ACCESS',
      load: async () => (await import('./whoami.ts')).whoami,
    },
    {
      name: 'completion',
      summary: 'Print the completion script of a shell',
      group: 'CLI',
      load: async () => (await import('./completion.ts')).completion,
    },
    {
      name: 'version',
      summary: 'Show the version, as --version',
      group: 'CLI',
      load: async () => (await import('./version.ts')).version,
    },
  ],
  examples: [
    'ondemand login --url https://ondemand.example.com',
    'ondemand status',
    'ondemand wake && ondemand ps',
    'ondemand keep 2h --reason backup',
    'ondemand restart nginx && ondemand logs nginx -f -n 20',
    'ondemand ps --json | jq -r \'.[] | select(.state == "exited") | .name\'',
  ],
};
