// `pnpm bench`: what the product costs, each part of it against something that is measured in the same run, on a real engine behind a real sshd.

import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { realEngineProblem, requireTool } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { fillPage } from '../support/fill-docs-page.ts';
import { run } from '../support/run.ts';
import { measureCli } from './cli-command-cost.ts';
import { createContainers } from './create-containers.ts';
import { measureSizes } from './install-sizes.ts';
import { measureListings } from './list-containers.ts';
import { measureReaders } from './many-readers.ts';
import { measurePage } from './page-load.ts';
import { measureProfile } from './profile.ts';
import { measureGreedyReaders } from './readers-that-open-everything-at-once.ts';
import { countMissed, type Section, toReport, toSummary } from './report.ts';
import { measureFacade } from './rest-against-bare-fastify.ts';
import { measureAction } from './restart-container.ts';
import { measureMemory } from './server-memory.ts';
import { measureStart } from './server-start.ts';
import { measureTokens } from './token-verification.ts';

/** In the order of the report; the last one leaves more containers behind than the others expect. */
const parts: Readonly<Record<string, (vm: RealVm) => Promise<Section | readonly Section[]>>> = {
  facade: measureFacade,
  tokens: measureTokens,
  action: measureAction,
  readers: measureReaders,
  greedy: measureGreedyReaders,
  cli: measureCli,
  start: measureStart,
  memory: measureMemory,
  sizes: measureSizes,
  page: measurePage,
  profile: measureProfile,
  listing: measureListings,
};

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, write: { type: 'string' } },
  });
  const names = values.only?.split(',') ?? Object.keys(parts);
  const unknown = names.filter((name) => !Object.hasOwn(parts, name));
  if (unknown.length > 0) {
    say(`No part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
    return 2;
  }
  const problem = realEngineProblem();
  if (problem !== undefined) {
    say(`The bench needs a real engine: ${problem}.`);
    return 1;
  }
  const measured = await measure(names).catch((error: unknown) => {
    if (error !== interruption) throw error;
  });
  if (measured === undefined) return 130;
  const { sections, facts } = measured;
  const report = toReport(sections, facts);
  process.stdout.write(`${report}\n`);
  if (values.write !== undefined) await fillPage(values.write, { part: 'bench', text: report });
  say(toSummary(sections));
  return countMissed(sections) === 0 ? 0 : 1;
}

/** When interrupted the VM goes first, and with it everything that still works on it. */
async function measure(names: readonly string[]) {
  say('Starting dockerd and sshd');
  await using vm = await startRealVm();
  return await Promise.race([measureOn(vm, names), interrupted()]);
}

async function measureOn(vm: RealVm, names: readonly string[]) {
  const loadBefore = loadavg()[0] ?? 0;
  const { dockerSocket } = vm;
  await createContainers({ dockerSocket, from: 0, to: 20, state: 'running' });
  const sections: Section[] = [];
  for (const [name, measurePart] of Object.entries(parts)) {
    if (!names.includes(name)) continue;
    say(`Measuring ${name}`);
    sections.push(...[await measurePart(vm)].flat());
  }
  return { sections, facts: await describeMachine(vm, loadBefore) };
}

const interruption = new Error('interrupted');

function interrupted(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(interruption));
  });
}

async function describeMachine(vm: RealVm, loadBefore: number): Promise<readonly string[]> {
  const engine = await vm.docker('version', '--format', '{{.Server.Version}}');
  const { stderr } = await run([requireTool('ssh'), '-V']);
  const [cpu] = cpus();
  return [
    `${new Date().toISOString().slice(0, 10)}, everything on one machine`,
    `${cpus().length} × ${cpu?.model.trim()}, load ${loadBefore.toFixed(1)} at the start`,
    `Node ${process.versions.node}`,
    `Docker Engine ${engine.trim()}`,
    `${stderr.split(',')[0]?.replace('_', ' ').trim()}`,
  ];
}

/** Progress goes to stderr: stdout is the report alone. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

process.exitCode = await main();
