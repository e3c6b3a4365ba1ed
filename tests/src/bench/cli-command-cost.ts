// What a command of the CLI costs, against a Node that does nothing and against docker.

import { fileURLToPath } from 'node:url';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { readEndedChildrenCpuMs } from '../support/cpu.ts';
import { runOk } from '../support/run.ts';
import type { App } from '../support/start-sandbox-and-api.ts';
import { measureInRounds, median, medianRatio } from './alternating-rounds.ts';
import { createDockerOverSsh } from './docker-over-ssh.ts';
import { atMost, type Row, type Section, toMs, toText } from './report.ts';
import { startBenchApp } from './server-env.ts';

export interface Spent {
  readonly wallMs: number;
  /** User and system, of the command and its own children. */
  readonly cpuMs: number;
}

const bin = fileURLToPath(new URL('../../../apps/cli/bin/ondemand.js', import.meta.url));
const rounds = 15;

export async function measureCli(vm: RealVm): Promise<Section> {
  await using app = await startBenchApp(vm);
  await using dockerOverSsh = await createDockerOverSsh(vm);
  const { node, version, ps } = cliCommands(app);
  const measured = await measureInRounds(rounds, {
    ...{ node, version, ps },
    docker: () => measureCommand(() => dockerOverSsh.run('ps', '-a')),
  });
  const toRow = (what: string, spent: readonly Spent[], most?: number): Row => {
    const wall = medianRatio(spent.map(readWall), measured.node.map(readWall));
    const cpu = medianRatio(spent.map(readCpu), measured.node.map(readCpu));
    return {
      what,
      measured: `${toMs(median(spent.map(readWall)))}, CPU ${toMs(median(spent.map(readCpu)))}`,
      ratio: `${toText(wall)}×, by CPU ${toText(cpu)}×`,
      ...(most !== undefined && { target: atMost(most, wall, '×') }),
    };
  };
  return {
    title: 'The CLI',
    about: `20 containers; medians of ${rounds} alternating rounds, held against \`node -e 0\`.`,
    rows: [
      toRow('`node -e 0`', measured.node),
      toRow('`ondemand --version`', measured.version, 1.25),
      toRow('`ondemand ps`', measured.ps, 2.2),
      toRow('`docker -H ssh://… ps -a`', measured.docker),
    ],
  };
}

/** With the environment of a user who has a token. */
export function cliCommands({ url, tokens }: Pick<App, 'url' | 'tokens'>) {
  const env = {
    PATH: process.env.PATH,
    HOME: '/nonexistent',
    ONDEMAND_URL: url,
    ONDEMAND_TOKEN: tokens.read,
  };
  const node = (...args: string[]) => {
    return () => measureCommand(() => runOk([process.execPath, ...args], { env }));
  };
  return { node: node('-e', '0'), version: node(bin, '--version'), ps: node(bin, 'ps') };
}

/** Nothing else of this process may end meanwhile: its CPU time would count, too. */
export async function measureCommand(run: () => Promise<unknown>): Promise<Spent> {
  const cpuBeforeMs = await readEndedChildrenCpuMs();
  const startedMs = performance.now();
  await run();
  const wallMs = performance.now() - startedMs;
  return { wallMs, cpuMs: (await readEndedChildrenCpuMs()) - cpuBeforeMs };
}

export const readWall = ({ wallMs }: Spent): number => wallMs;
export const readCpu = ({ cpuMs }: Spent): number => cpuMs;
