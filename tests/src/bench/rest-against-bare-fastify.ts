// What an API call costs on top of what any Fastify route costs: rates and tails at 64 connections, against a bare twin.

import type { RealVm } from '../real-engine/start-real-vm.ts';
import type { AppProcess } from '../support/start-sandbox-and-api.ts';
import { measureInRounds, median, medianRatio, type Rounds } from './alternating-rounds.ts';
import { type Load, type LoadLength, measureLoad } from './generate-load.ts';
import { atLeast, atMost, type Row, type Section, toMs, toText } from './report.ts';
import { startBenchApp } from './server-env.ts';
import { startBareFastify } from './start-bare-fastify.ts';

interface Way {
  readonly name: string;
  readonly path: string;
  /** What the twin is asked for. */
  readonly twinPath: string;
  readonly leastRate: number;
  readonly mostTail?: number;
}

const batchOf10 = `/trpc/${Array(10).fill('containers.list').join(',')}?batch=1`;
const containers = '/containers';
const status = '/vm/status';

export const ways = {
  containers: {
    ...{ name: '`GET /containers`', path: containers, twinPath: containers },
    ...{ leastRate: 0.6, mostTail: 3 },
  },
  status: {
    ...{ name: '`GET /vm/status`', path: status, twinPath: status },
    ...{ leastRate: 0.6, mostTail: 3 },
  },
  trpc: {
    ...{ name: 'tRPC `containers.list`', path: '/trpc/containers.list', twinPath: containers },
    leastRate: 0.4,
  },
  batch: {
    ...{ name: 'tRPC, a batch of 10', path: batchOf10, twinPath: containers },
    leastRate: 0.15,
  },
} as const satisfies Readonly<Record<string, Way>>;

export type WayName = keyof typeof ways;
export type FacadeLoads = Rounds<'ours' | 'bare', Load>;

export interface FacadeOptions {
  readonly app: AppProcess;
  readonly rounds: number;
  readonly length: LoadLength;
  readonly names: readonly WayName[];
}

export async function measureFacade(vm: RealVm): Promise<Section> {
  await using app = await startBenchApp(vm);
  const names = Object.keys(ways) as WayName[]; // an object's keys are its own
  const measured = await measureFacadeLoads({
    app,
    names,
    rounds: 5,
    length: { durationMs: 2000 },
  });
  return {
    title: 'The facade against a bare twin',
    about:
      '20 containers, 64 connections, a verified RS256 token; medians of 5 alternating rounds of 2 s. The twin is a bare Fastify route that answers the same JSON after `jose.jwtVerify`, with pino at info.',
    rows: names.flatMap((name) => toRows(ways[name], measured[name])),
  };
}

/** Each way in turns with the same request of the twin. */
export async function measureFacadeLoads(
  options: FacadeOptions,
): Promise<Readonly<Record<WayName, FacadeLoads>>> {
  const { app, rounds, length, names } = options;
  await using twin = await startBareFastify(app, [containers, status]);
  const shared = { token: app.tokens.read, connections: 64, length };
  const measured: Partial<Record<WayName, FacadeLoads>> = {};
  for (const name of names) {
    const { path, twinPath } = ways[name];
    measured[name] = await measureInRounds(rounds, {
      bare: () => measureLoad({ ...shared, url: twin.url, pid: twin.pid, path: twinPath }),
      ours: () => measureLoad({ ...shared, url: app.url, pid: app.server.pid, path }),
    });
  }
  return measured as Record<WayName, FacadeLoads>; // whoever asks for some reads only those
}

/** How many times the CPU time of the twin an answer takes. */
export function toCpuRatio({ ours, bare }: FacadeLoads): number {
  return medianRatio(ours.map(readCpu), bare.map(readCpu));
}

function toRows({ name, leastRate, mostTail }: Way, loads: FacadeLoads): readonly Row[] {
  const { ours, bare } = loads;
  const rate = medianRatio(ours.map(readRate), bare.map(readRate));
  const tail = medianRatio(ours.map(readTail), bare.map(readTail));
  const [ourRate, bareRate] = [median(ours.map(readRate)), median(bare.map(readRate))];
  const [ourTail, bareTail] = [median(ours.map(readTail)), median(bare.map(readTail))];
  const [ourCpu, bareCpu] = [median(ours.map(readCpu)), median(bare.map(readCpu))];
  return [
    {
      what: `${name}: requests a second`,
      measured: `${toText(ourRate)}, bare ${toText(bareRate)}`,
      ratio: `${toText(rate)} of bare`,
      target: atLeast(leastRate, rate),
    },
    {
      what: `${name}: p99`,
      measured: `${toMs(ourTail)}, bare ${toMs(bareTail)}`,
      ratio: `${toText(tail)}× bare`,
      ...(mostTail !== undefined && { target: atMost(mostTail, tail, '×') }),
    },
    {
      what: `${name}: CPU of the server for an answer`,
      measured: `${toMs(ourCpu)}, bare ${toMs(bareCpu)}`,
      ratio: `${toText(toCpuRatio(loads))}× bare`,
    },
  ];
}

const readRate = ({ perSecond }: Load): number => perSecond;
const readTail = ({ p99Ms }: Load): number => p99Ms;
const readCpu = ({ cpuMs }: Load): number => cpuMs;
