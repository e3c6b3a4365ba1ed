// Ways to list the same containers, from the engine's own socket to a fresh SSH connection each, for few containers and for many.

import { createClient } from '@ondemand/client';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { createHttpClient, createRestClient } from '../support/http-client.ts';
import { readResidentBytes } from '../support/memory.ts';
import type { AppProcess } from '../support/start-sandbox-and-api.ts';
import { createContainers } from './create-containers.ts';
import { createDockerOverSsh } from './docker-over-ssh.ts';
import { type Latency, measureLatencies, type Way } from './latency-percentiles.ts';
import { atLeast, atMost, type Row, type Section, type Target, toMb, toText } from './report.ts';
import { startBenchApp } from './server-env.ts';

const wayNames = {
  socket: "the Engine's own unix socket",
  rest: '`GET /containers` through REST',
  client: 'the same through the typed client',
  loneSocket: "the Engine's socket, 250 ms after the call before",
  lone: 'REST, 250 ms after the call before',
  ssh: '`ssh host docker ps -a`, a connection each',
  dockerSsh: '`docker -H ssh://host ps -a`',
} as const;
type WayName = keyof typeof wayNames;

interface Listing {
  readonly containers: number;
  readonly latencies: Readonly<Record<WayName, Latency>>;
  readonly residentBytes: number;
}

/** Leaves 500 containers on the VM, so it comes last. */
export async function measureListings(vm: RealVm): Promise<Section> {
  await using app = await startBenchApp(vm);
  const few = await measureListing(vm, app, 20);
  const { dockerSocket } = vm;
  await createContainers({ dockerSocket, from: 20, to: 500, state: 'created' });
  const many = await measureListing(vm, app, 500);
  const grown = (way: WayName) => many.latencies[way].p50Ms / few.latencies[way].p50Ms;
  return {
    title: 'Listing containers',
    about:
      'One call at a time from one process with its connections kept alive, the quick ways in turns; p50, then p99. Ratios are those of p50 to the socket, after a pause to the socket after a pause.',
    rows: [
      ...toRows(few),
      ...toRows(many),
      {
        what: 'from 20 to 500 containers: growth of p50',
        measured: `REST ${toText(grown('rest'))}×, the socket ${toText(grown('socket'))}×`,
        ratio: `${toText(grown('rest') / grown('socket'))}× the socket's growth`,
      },
      {
        what: 'from 20 to 500 containers: memory of the server',
        measured: `${toMb(few.residentBytes)}, then ${toMb(many.residentBytes)}`,
        ratio: `${toText(many.residentBytes / few.residentBytes)}×`,
      },
    ],
  };
}

async function measureListing(vm: RealVm, app: AppProcess, containers: number): Promise<Listing> {
  await using dockerOverSsh = await createDockerOverSsh(vm);
  using engine = createHttpClient({ target: { socketPath: vm.dockerSocket } });
  using rest = createRestClient(app.url, app.tokens.read);
  const client = createClient({ url: app.url, token: app.tokens.read });
  const [askSocket, askRest] = [
    () => engine.get('/containers/json?all=1'),
    () => rest.get('/containers'),
  ];
  const calls: Readonly<Record<WayName, Way['call']>> = {
    ...{ socket: askSocket, rest: askRest, client: () => client.containers.list.query() },
    ...{ loneSocket: askSocket, lone: askRest },
    ssh: async () => (await vm.ssh('docker ps -a')).stdout,
    dockerSsh: () => dockerOverSsh.run('ps', '-a'),
  };
  for (const [way, call] of Object.entries(calls)) {
    const count = countOf(await call());
    if (count !== containers) throw new Error(`${way} lists ${count} of ${containers} containers`);
  }
  const latencies: Partial<Record<WayName, Latency>> = {};
  const isMany = containers > 100;
  for (const { names, ...options } of [
    {
      names: ['socket', 'rest', 'client'],
      ...(isMany
        ? { rounds: 10, callsARound: 10, warmUpCalls: 30 }
        : { rounds: 20, callsARound: 30, warmUpCalls: 200 }),
    },
    { names: ['loneSocket', 'lone'], rounds: 30, callsARound: 1, warmUpCalls: 2, pauseMs: 250 },
    { names: ['ssh', 'dockerSsh'], rounds: 15, callsARound: 1, warmUpCalls: 1 },
  ] as const) {
    const ways = names.map((name) => ({ name, call: calls[name] }));
    const measured = await measureLatencies(ways, options);
    names.forEach((name, index) => {
      const latency = measured[index];
      if (latency !== undefined) latencies[name] = latency;
    });
  }
  const residentBytes = await readResidentBytes(app.server.pid);
  return { containers, residentBytes, latencies: latencies as Listing['latencies'] }; // each way has its turn above
}

function toRows({ containers, latencies }: Listing): readonly Row[] {
  const ways = Object.keys(wayNames) as WayName[]; // an object's keys are its own
  return ways.map((way) => {
    const { p50Ms, p99Ms } = latencies[way];
    const limit = way === 'lone' || way === 'loneSocket' ? 'loneSocket' : 'socket';
    const ratio = p50Ms / latencies[limit].p50Ms;
    const target = toTarget(way, containers, { ratio, latencies });
    return {
      what: `${containers} containers: ${wayNames[way]}`,
      measured: `${toText(p50Ms)} ms, p99 ${toText(p99Ms)} ms`,
      ratio: `${toText(ratio)}×`,
      ...(target !== undefined && { target }),
    };
  });
}

/** Only where the engine's own time is small beside a connection's can the comparison with `ssh` tell of the transport. */
function toTarget(
  way: WayName,
  containers: number,
  { ratio, latencies }: Pick<Listing, 'latencies'> & { readonly ratio: number },
): Target | undefined {
  if (way === 'rest' && containers > 100) return atMost(3, ratio, '×');
  if (containers > 100) return undefined;
  if (way === 'rest' || way === 'lone') return atMost(2.5, ratio, '×');
  if (way !== 'ssh') return undefined;
  const times = latencies.ssh.p50Ms / latencies.rest.p50Ms;
  const { text, met } = atLeast(100, times, '×');
  return { text: `${text} REST's (${toText(times)}×)`, met };
}

/** Both APIs answer with a list; a table has a line of headings. */
function countOf(answer: unknown): number {
  if (Array.isArray(answer)) return answer.length;
  const text = String(answer);
  return text.startsWith('[') ? JSON.parse(text).length : text.trim().split('\n').length - 1;
}
