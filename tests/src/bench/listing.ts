// Five ways to list the same containers, from the engine's own socket to a fresh SSH connection each.

import { createClient } from '@ondemand/client';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import type { App } from '../support/start-app.ts';
import type { DockerOverSsh } from './docker-over-ssh.ts';
import { createHttpGet, createRestGet } from './http-get.ts';
import { measureLatencies, type Way } from './latency.ts';
import type { Listing, WayName } from './ways.ts';

export interface ListingOptions {
  readonly vm: RealVm;
  readonly app: App;
  readonly dockerOverSsh: DockerOverSsh;
  /** How many containers there are; each way must say so. */
  readonly containers: number;
}

export async function measureListing(options: ListingOptions): Promise<Listing> {
  const { vm, app, dockerOverSsh, containers } = options;
  using engine = createHttpGet({ target: { socketPath: vm.dockerSocket } });
  using rest = createRestGet(app.url, app.tokens.read);
  const client = createClient({ url: app.url, token: app.tokens.read });
  const calls = {
    socket: () => engine.get('/containers/json?all=1'),
    rest: () => rest.get('/containers'),
    lone: () => rest.get('/containers'),
    client: () => client.containers.list.query(),
    ssh: async () => (await vm.ssh('docker ps -a')).stdout,
    dockerSsh: () => dockerOverSsh.run('ps', '-a'),
  } as const satisfies Record<WayName, Way['call']>;

  const counts = {
    socket: countJson(await calls.socket()),
    rest: countJson(await calls.rest()),
    lone: countJson(await calls.lone()),
    client: (await calls.client()).length,
    ssh: countRows(await calls.ssh()),
    dockerSsh: countRows(await calls.dockerSsh()),
  } satisfies Record<WayName, number>;
  for (const [way, count] of Object.entries(counts)) {
    if (count !== containers) throw new Error(`${way} lists ${count} of ${containers} containers`);
  }

  const toWays = (names: readonly WayName[]): Way[] =>
    names.map((name) => ({ name, call: calls[name] }));
  const [socket, restLatency, clientLatency] = await measureLatencies(
    toWays(['socket', 'rest', 'client']),
    containers > 100
      ? { rounds: 10, callsARound: 10, warmUpCalls: 30 }
      : { rounds: 20, callsARound: 30, warmUpCalls: 200 },
  );
  const [lone] = await measureLatencies(toWays(['lone']), {
    rounds: 40,
    callsARound: 1,
    warmUpCalls: 2,
    pauseMs: 300,
  });
  const [ssh, dockerSsh] = await measureLatencies(toWays(['ssh', 'dockerSsh']), {
    rounds: 15,
    callsARound: 1,
    warmUpCalls: 1,
  });
  if (!socket || !restLatency || !lone || !clientLatency || !ssh || !dockerSsh) {
    throw new Error('a way was not measured');
  }
  return { socket, rest: restLatency, lone, client: clientLatency, ssh, dockerSsh };
}

function countJson(body: Buffer): number {
  return (JSON.parse(body.toString()) as readonly unknown[]).length; // both APIs answer with a list
}

/** Without the line of headings. */
function countRows(table: string): number {
  return table.trim().split('\n').length - 1;
}
