// A VM of a real sshd and real shells that jobs run on, with the tools and the processes of its own that tests look at.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobHost, JobReading, JobRequest } from '../adapter-ports.ts';
import { createJobHost } from '../jobs-on-vm/jobs-on-vm.ts';
import type { SshConnection, SshConnectionOptions } from '../ssh/connection/connection.ts';
import { listProcesses, type Process } from './processes.test-support.ts';
import { connectTo, startSshd } from './sshd.test-support.ts';
import { until } from './until.test-support.ts';

interface WorldOptions {
  /** What the VM's `sh` and its small tools are; the machine's own by default. */
  readonly tools?: 'bash' | 'busybox' | 'no-setsid';
  /** What its sessions find in their environment beside that. */
  readonly env?: (folder: string) => Readonly<Record<string, string>>;
  /** Hears of every connection. */
  readonly onEvent?: SshConnectionOptions['onEvent'];
}

/** What runs in it dies with it. */
export async function startWorld({ tools, env = () => ({}), onEvent }: WorldOptions = {}) {
  const sshd = await startSshd({
    env: (folder) => ({
      XDG_STATE_HOME: join(folder, 'state'),
      ...(tools && { PATH: join(folder, 'bin') }),
      ...env(folder),
    }),
  });
  if (tools) await makeTools(join(sshd.folder, 'bin'), tools);
  const state = join(sshd.folder, 'state');
  const connections: SshConnection[] = [];
  const connect = () => {
    const connection = connectTo(sshd, onEvent && { onEvent });
    connections.push(connection);
    return connection;
  };
  const connection = connect();
  const jobs = join(state, 'ondemand', 'jobs');
  const world = randomBytes(4).toString('hex');
  let count = 0;
  return {
    sshd,
    jobs,
    state,
    connect,
    connection,
    host: createJobHost({ connection }),
    /** A job that runs a script; `$1` is this world's folder. */
    job(script: string, changes: Partial<JobRequest> = {}): JobRequest {
      count += 1;
      return {
        id: `20260208T1015${String(count).padStart(3, '0')}Z-${world}`,
        kind: 'rebuild',
        target: 'web',
        lock: `rebuild-${count}`,
        argv: ['sh', '-c', script, 'sh', sshd.folder],
        env: {},
        ...changes,
      };
    },
    file: (name: string) => join(sshd.folder, name),
    [Symbol.asyncDispose]: async () => {
      for (const each of connections) await each[Symbol.asyncDispose]();
      killAll(sshd.folder);
      await until(() => findProcesses(sshd.folder).length === 0);
      await sshd[Symbol.asyncDispose]();
    },
  };
}

/** All from the offset on, once the job has ended. */
export async function readAll(host: JobHost, id: string, offset = 0): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let at = offset;
  for (;;) {
    const { bytes, done, state } = await readOne(host, id, at);
    if (state === undefined) throw new Error(`No job ${id}`);
    pieces.push(Uint8Array.from(bytes));
    at += bytes.length;
    if (done) return Buffer.concat(pieces);
  }
}

export async function readOne(host: JobHost, id: string, offset: number, waitMs = 1000) {
  const [reading] = await host.read([{ id, offset }], { waitMs });
  if (reading === undefined) throw new Error('No reading');
  return reading;
}

/** Resolves once the job has ended, or is not there. */
export async function ended(host: JobHost, id: string): Promise<JobReading> {
  const deadlineMs = Date.now() + 60_000;
  for (;;) {
    const reading = await readOne(host, id, Number.MAX_SAFE_INTEGER);
    if (reading.done || reading.state === undefined) return reading;
    if (Date.now() > deadlineMs) throw new Error(`${id} does not end`);
  }
}

export async function record(host: JobHost, id: string, tailBytes = 1000) {
  const [found] = await host.list({ id, tailBytes });
  if (found === undefined) throw new Error(`No job ${id}`);
  return { ...found, outputTail: Buffer.from(found.outputTail).toString('latin1') };
}

/** The process that looks after a job; its children are the job itself. */
export function findRunner(id: string): number {
  const runner = listProcesses().find(
    ({ pid, group, args }) =>
      pid === group && args.includes('ondemand-job') && args.some((arg) => arg.endsWith(id)),
  );
  if (runner === undefined) throw new Error(`No process looks after ${id}`);
  return runner.pid;
}

export function findProcesses(word: string): Process[] {
  return listProcesses().filter(
    ({ args: [command, ...args] }) => !command?.includes('sshd') && args.join(' ').includes(word),
  );
}

/** A folder for the PATH: nothing is found but what jobs may use. */
async function makeTools(bin: string, tools: string): Promise<void> {
  await mkdir(bin);
  const link = (name: string, target: string) => symlink(target, join(bin, name));
  const small = 'chmod date head mkdir mv rm rmdir setsid sleep tail wc'.split(' ');
  for (const name of small.filter((each) => tools !== 'no-setsid' || each !== 'setsid')) {
    await link(name, tools === 'busybox' ? '/bin/busybox' : findTool(name));
  }
  await link('sh', { bash: '/bin/bash', busybox: '/bin/busybox' }[tools] ?? '/bin/sh');
  await link('flock', findTool('flock'));
  await link('env', findTool('env'));
}

function findTool(name: string): string {
  return execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim();
}

/** Everything that was started for this world has its folder in its arguments, or is in the group of what has. */
function killAll(folder: string): void {
  for (const { group } of findProcesses(folder)) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}
