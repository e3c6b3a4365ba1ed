// `ondemand stats`: what containers use of the VM.

import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerState, ContainerStats, OnDemandClient } from '@ondemand/client';
import pMap from 'p-map';
import { defineCommand } from '../command-line/command.ts';
import { flag } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { toStatsTable } from '../views/stats-table.ts';
import { watch } from '../watch/watch.ts';

const doing = 'Measuring'; // above its users: the command is made while this module loads

export const stats = defineCommand({
  description: `Show what containers use of CPU, memory, network and disk, as docker stats --no-stream.
Without a NAME all that run; of one that does not the cells are blank, with --json the API's zeros.
CPU is of one CPU: 200% is two in full. --json prints an array.
With --watch every two seconds until Ctrl-C; with --json a line each time.`,
  operands: { arity: 'any', label: '[NAME…]', from: 'containers' },
  options: { watch: flag('Go on measuring', 'w') },
  examples: [
    'ondemand stats',
    'ondemand stats nginx db --watch',
    "ondemand stats --json | jq -r 'max_by(.memoryBytes).container'",
  ],
  async run(context, { options, operands: names }) {
    const { connect, output, signal } = context;
    const client = await connect();
    const read = (until: AbortSignal) =>
      names.length === 0 ? measureRunning(client, until) : measure(client, names, until);
    const toText = (samples: readonly ContainerStats[]) =>
      toStatsTable(samples, output.style, output.columns());
    if (options.watch) {
      const pause = (until: AbortSignal) => sleep(pauseMs, undefined, { signal: until });
      return watch(context, { doing, read, toText, pause });
    }
    using _spinner = output.spin(doing);
    const samples = await read(signal);
    output.show(samples, toText);
    return exitCodes.done;
  },
});

/** A sample takes a second itself. */
const pauseMs = 1_000;
/** Each waits for Docker to measure, so that side by side they take no longer than one. */
const concurrency = 32;

async function measureRunning(
  client: OnDemandClient,
  signal: AbortSignal,
): Promise<ContainerStats[]> {
  const containers = await client.containers.list.query(undefined, { signal });
  const names = containers.filter(({ state }) => busy.has(state)).map(({ name }) => name);
  const { isApiError } = await import('@ondemand/client'); // late, as everywhere here
  const samples = await pMap(
    names,
    async (name) => {
      try {
        return await client.containers.stats.query({ name }, { signal });
      } catch (error) {
        if (isApiError(error, 'NOT_FOUND')) return undefined; // removed since it was listed
        throw error;
      }
    },
    { concurrency },
  );
  return samples.filter((sample) => sample !== undefined);
}

function measure(
  client: OnDemandClient,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ContainerStats[]> {
  return pMap(names, (name) => client.containers.stats.query({ name }, { signal }), {
    concurrency,
  });
}

/** The states in which a container uses anything. */
const busy: ReadonlySet<ContainerState> = new Set(['running', 'paused', 'restarting']);
