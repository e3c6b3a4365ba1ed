// `pnpm bench:transport`: what Docker over one SSH connection costs, in one run on a real engine behind a real sshd.

import { readFile, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { realEngineProblem, requireTool } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { run } from '../support/run.ts';
import { startApp } from '../support/start-app.ts';
import { createContainers } from './containers.ts';
import { createDockerOverSsh } from './docker-over-ssh.ts';
import { measureListing } from './listing.ts';
import { measureLogMemory } from './log-memory.ts';
import { measureConcurrentReaders } from './readers.ts';
import { judge, type Results, toReport } from './report.ts';
import { serverEnv } from './server-env.ts';

/** Where `--write` puts the report into a page. */
const marks = { open: '<!-- bench -->', close: '<!-- /bench -->' } as const;

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { write: { type: 'string' } } });
  const problem = realEngineProblem();
  if (problem !== undefined) {
    say(`The bench needs a real engine: ${problem}.`);
    return 1;
  }
  const results = await measure().catch((error: unknown) => {
    if (error !== interruption) throw error;
  });
  if (results === undefined) return 130;
  const report = toReport(results);
  process.stdout.write(`${report}\n`);
  if (values.write !== undefined) await fill(values.write, report);
  const missed = judge(results).filter(({ met }) => !met).length;
  say(missed === 0 ? 'All targets are met.' : `${missed} targets are missed.`);
  return missed === 0 ? 0 : 1;
}

/** When interrupted the VM goes first, and with it everything that still works on it. */
async function measure(): Promise<Results> {
  say('Starting dockerd and sshd');
  await using vm = await startRealVm();
  return await Promise.race([measureOn(vm), interrupted()]);
}

async function measureOn(vm: RealVm): Promise<Results> {
  const { dockerSocket } = vm;
  await createContainers({ dockerSocket, from: 0, to: 20, state: 'running' });

  say('1 000 readers at once');
  const concurrent = await measureConcurrentReaders(vm, 1000);
  say('100 MB of logs');
  const logs = await measureLogMemory(vm);

  await using dockerOverSsh = await createDockerOverSsh(vm);
  await using app = await startApp({ env: { ...vm.env, ...serverEnv } });
  say('Listing 20 containers');
  const few = await measureListing({ vm, app, dockerOverSsh, containers: 20 });
  await createContainers({ dockerSocket, from: 20, to: 500, state: 'created' });
  say('Listing 500 containers');
  const many = await measureListing({ vm, app, dockerOverSsh, containers: 500 });

  return {
    machine: await describeMachine(vm),
    listings: [
      { containers: 20, listing: few },
      { containers: 500, listing: many },
    ],
    concurrent,
    logs,
  };
}

const interruption = new Error('interrupted');

function interrupted(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(interruption));
  });
}

async function describeMachine(vm: RealVm): Promise<string> {
  const engine = await vm.docker('version', '--format', '{{.Server.Version}}');
  const { stderr } = await run([requireTool('ssh'), '-V']);
  const [cpu] = cpus();
  return [
    `Node ${process.versions.node}`,
    `Docker Engine ${engine.trim()}`,
    stderr.split(',')[0]?.replace('_', ' ').trim(),
    `${cpus().length} × ${cpu?.model.trim()}`,
    `${new Date().toISOString().slice(0, 10)}, everything on one machine`,
  ].join(' · ');
}

async function fill(file: string, report: string): Promise<void> {
  const before = await readFile(file, 'utf8');
  const [start, end] = [before.indexOf(marks.open), before.indexOf(marks.close)];
  if (start < 0 || end < start) throw new Error(`${file} lacks ${marks.open} … ${marks.close}`);
  const head = before.slice(0, start + marks.open.length);
  await writeFile(file, `${head}\n\n${report}\n\n${before.slice(end)}`);
}

/** Progress goes to stderr: stdout is the report alone. */
function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

process.exitCode = await main();
