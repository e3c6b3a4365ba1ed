// `ondemand ps`: all containers.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Container, OnDemandClient } from '@ondemand/client';
import { defineCommand } from '../command-line/command.ts';
import { flag } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { toPrintable } from '../output/printable.ts';
import { toContainerTable } from '../views/container-table.ts';
import { type Bell, createBell } from '../watch/terminal-bell.ts';
import { watch } from '../watch/watch.ts';

const doing = 'Listing containers'; // above its users: the command is made while this module loads

export const ps = defineCommand({
  description: `List all containers on oci-flex in all states, as docker ps -a.
With --watch the list is shown again after each change, until Ctrl-C; with --json a line each time.`,
  options: {
    all: flag('Accepted, as all are listed anyway', 'a'),
    quiet: flag('Print names only, one a line', 'q'),
    watch: flag('Go on and show what changes', 'w'),
  },
  examples: [
    'ondemand ps',
    'ondemand ps --watch',
    'ondemand restart $(ondemand ps -q)',
    'ondemand ps --json',
  ],
  async run(context, { options }) {
    const { connect, output, signal } = context;
    const client = await connect();
    const list = (until: AbortSignal) => client.containers.list.query(undefined, { signal: until });
    const toText = (containers: readonly Container[]) =>
      options.quiet
        ? containers.map(({ name }) => `${toPrintable(name)}\n`).join('')
        : toContainerTable(containers, output.style, output.columns());

    if (!options.watch) {
      using _spinner = output.spin(doing);
      const containers = await list(signal);
      output.show(containers, toText);
      return exitCodes.done;
    }
    const left = new AbortController();
    const bell = createBell();
    const listening = ringAtEvents(client, bell, left.signal);
    try {
      return await watch(context, { doing, read: list, toText, pause: toPause(bell) });
    } finally {
      left.abort();
      await listening;
    }
  },
});

/** What a stop or a restart says comes in bursts; the list is read once they are over, at most twice a second. */
function toPause(bell: Bell) {
  return async (signal: AbortSignal): Promise<void> => {
    await bell.wait({ atMostMs: 9_500, signal });
    await sleep(500, undefined, { signal });
  };
}

/** Never throws: without events the list is still read every ten seconds, and that says what is wrong. */
async function ringAtEvents(
  client: OnDemandClient,
  bell: Bell,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const onOpen = bell.ring; // what happened before is not told
      const onReconnect = bell.ring; // the list then says what is wrong
      const hooks = { signal, onOpen, onReconnect };
      for await (const { type } of client.events.subscribe(undefined, hooks)) {
        if (type !== 'job') bell.ring();
      }
    } catch {}
    await sleep(10_000, undefined, { signal }).catch(() => {});
  }
}
