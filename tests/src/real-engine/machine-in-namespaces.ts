// A machine inside this one: its own processes, network, mounts and users, all gone the moment its first process is.

import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { until } from '../support/until.ts';
import { removeCgroup } from './cgroup.ts';
import { listChildren, listDescendants, signalPid } from './process-tree.ts';
import { requireTool } from './real-engine-problem.ts';

export interface MachineProcess {
  /** As this host sees it; 0 when it ended before it could be seen. */
  readonly pid: number;
  readonly running: boolean;
  /** Signals the process alone; one that is gone is left in peace. */
  signal(signal: NodeJS.Signals): void;
  /** Signals it and, where it has any, its children; resolves when the process is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export interface SpawnOptions {
  /** `host` keeps the process on the host's network, so that its ports are reachable from here. */
  readonly network: 'host' | 'machine';
  /** Receives stdout and stderr. */
  readonly logFile: string;
}

export interface Machine extends AsyncDisposable {
  /** The machine's first process, as this host sees it. */
  readonly pid: number;
  spawn(argv: readonly string[], options: SpawnOptions): Promise<MachineProcess>;
}

export interface MachineOptions {
  readonly hostName: string;
  /** Shell commands that the machine runs as root before anything else. */
  readonly setup: readonly string[];
  /** The control group that its containers live in; removed with it. */
  readonly cgroup: string;
  /** Where its programs put what they forget: the caller's to remove. */
  readonly temporaryFolder: string;
  /** Of another release of Debian, whose programs it then runs; what it writes there is gone with it. */
  readonly root?: MachineRoot | undefined;
}

export interface MachineRoot {
  readonly folder: string;
  /** Of this host, which the machine has under the same path. */
  readonly shared: string;
}

/** Boots in some milliseconds. Disposing kills every process in it, which takes its mounts, bridges, rules and ports along; so does the end of this process, a kill included. */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  const boot = [
    'set -e',
    'ip link set lo up',
    `hostname ${options.hostName}`,
    // Its own /run hides the host's sockets and locks, /run/docker.sock above all.
    'mount -t tmpfs none /run',
    ...(options.root ? enterRoot(options.root) : []),
    ...options.setup,
    'echo booted',
    // Ends with our pipe, so even a killed test run leaves no machine behind.
    'cat >/dev/null',
    // What version 1 of control groups has frozen (a paused container) cannot be killed.
    `for state in /sys/fs/cgroup/freezer/${options.cgroup}/*/freezer.state; do`,
    '  if [ -e "$state" ]; then echo THAWED > "$state"; fi',
    'done',
  ].join('\n');
  const namespaces = ['--pid', '--net', '--mount', '--uts', '--fork', '--mount-proc'];
  const env = { ...process.env, TMPDIR: options.temporaryFolder };
  const outer = spawn('unshare', [...namespaces, '--kill-child', 'sh', '-c', boot], { env });
  const gone = new Promise<void>((resolve) => outer.once('close', () => resolve()));
  let output = '';
  let ended = false;
  outer.once('error', (error) => {
    output += error.message;
    ended = true;
  });
  gone.then(() => {
    ended = true;
  });
  for (const stream of [outer.stdout, outer.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  await until('the machine to boot', () => {
    if (ended) return true;
    return output.includes('booted');
  });
  const pid = await findChild(outer);
  const entries: ChildProcess[] = [];
  if (pid === undefined) throw new Error(`The machine did not boot: ${output}`);

  return {
    pid,
    async spawn(argv, { network, logFile }) {
      const log = await open(logFile, 'a');
      const inside = ['--pid', '--mount', '--uts', ...(network === 'machine' ? ['--net'] : [])];
      const args = ['-t', String(pid), ...inside, '--', ...argv];
      const entered = spawn(requireTool('nsenter'), args, {
        env,
        stdio: ['ignore', log.fd, log.fd],
      });
      // Listens before anything is awaited: the process may end at once.
      const gone = new Promise<void>((resolve) => entered.once('close', () => resolve()));
      entries.push(entered);
      await log.close();
      return toMachineProcess({ entered, gone, pid: (await findChild(entered)) ?? 0 });
    },
    async [Symbol.asyncDispose]() {
      outer.stdin.destroy();
      // One that was stopped along with its child would never collect it, and the machine wait for that.
      for (const entered of entries) entered.kill('SIGCONT');
      const last = setTimeout(() => {
        if (!ended) signalPid(pid, 'SIGKILL');
      }, 5_000);
      await gone;
      clearTimeout(last);
      await removeCgroup(options.cgroup);
    },
  };
}

/** Shell commands that put the machine's first process there, and so whatever enters its mounts. */
function enterRoot({ folder, shared }: MachineRoot): readonly string[] {
  return [
    'cd /run && mkdir upper work root',
    `mount -t overlay none -o lowerdir='${folder}',upperdir=/run/upper,workdir=/run/work root`,
    'for each in proc sys dev; do mount --rbind /$each root/$each; done',
    'for each in run tmp; do mount -t tmpfs none root/$each; done',
    `mkdir -p 'root${shared}' root/old && mount --bind '${shared}' 'root${shared}'`,
    'cd root && pivot_root . old && cd / && umount -l /old',
  ];
}

interface Entered {
  readonly entered: ChildProcess;
  readonly gone: Promise<void>;
  readonly pid: number;
}

function toMachineProcess({ entered, gone, pid }: Entered): MachineProcess {
  let running = pid !== 0;
  gone.then(() => {
    running = false;
  });
  const signal = (name: NodeJS.Signals): void => {
    if (!running) return;
    signalPid(pid, name);
    // nsenter stops itself along with its child, and does not wake with it.
    if (name === 'SIGCONT') entered.kill(name);
  };
  return {
    pid,
    get running() {
      return running;
    },
    signal,
    async end(name) {
      if (!running) return;
      const children = await listDescendants(pid);
      signal('SIGCONT');
      signal(name);
      for (const child of children) signalPid(child, name);
      await gone;
    },
  };
}

/** The process that `unshare` or `nsenter` forked; undefined when it has ended already. */
async function findChild(parent: ChildProcess): Promise<number | undefined> {
  const parentPid = parent.pid;
  if (parentPid === undefined) throw new Error(`${parent.spawnfile} did not start`);
  let child: number | undefined;
  await until(`the child of ${parent.spawnargs.join(' ')}`, async () => {
    [child] = await listChildren(parentPid);
    return child !== undefined || parent.exitCode !== null;
  });
  return child;
}
