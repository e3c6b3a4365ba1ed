// A dockerd of the machine's own, and a hand on its throat for the tests of faults.

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type RunResult, run, runOk } from '../support/run.ts';
import { until } from '../support/until.ts';
import {
  type InspectedContainer,
  inspectContainer,
  pingEngine,
  readContainerLog,
} from './ask-engine.ts';
import type { Machine, MachineProcess } from './machine-in-namespaces.ts';
import { requireTool } from './real-engine-problem.ts';

export interface RealEngine {
  /** On this host and, under the same path, on the machine. */
  readonly socket: string;
  /** The real CLI against this engine; resolves with its stdout, rejects unless it exits with 0. */
  docker(...args: string[]): Promise<string>;
  /** The same, whatever the exit code. */
  dockerResult(...args: string[]): Promise<RunResult>;
  /** What `docker inspect` tells, without a process; rejects unless there is such a container. */
  inspect(container: string): Promise<InspectedContainer>;
  /** What it wrote so far, in Docker's frames. */
  readLog(container: string): Promise<string>;
  /** Resolves once it answers. */
  start(): Promise<void>;
  /** As `systemctl stop docker`: containers end too. */
  stop(): Promise<void>;
  /** As a crash: no clean-up, the socket's file stays. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Alive and silent from now on, until `resume`. */
  hang(): void;
  resume(): void;
}

export interface EngineOptions {
  readonly machine: Machine;
  readonly folder: string;
  readonly cgroup: string;
  readonly temporaryFolder: string;
  /** `host`: its containers can have this host's network, and no other. Default: the machine's. */
  readonly network?: 'host' | 'machine' | undefined;
  /** Default: dockerd, which is on this host too. */
  readonly kind?: 'dockerd' | 'podman' | undefined;
}

/** Starts a dockerd with everything of its own; it listens on `docker.sock` in `folder`. */
export async function startEngine({
  machine,
  folder,
  ...options
}: EngineOptions): Promise<RealEngine> {
  const { network = 'machine' } = options;
  const socket = join(folder, 'docker.sock');
  const logFile = join(folder, 'dockerd.log');
  const argv =
    options.kind === 'podman'
      ? toPodman(folder, socket)
      : [...toDockerd(folder, socket, options.cgroup), ...(network === 'host' ? noNetwork : [])];
  const cli = [requireTool('docker'), '--host', `unix://${socket}`];
  const env = {
    ...process.env,
    TMPDIR: options.temporaryFolder,
    DOCKER_CONFIG: join(folder, 'docker-config'),
  };
  const docker = (...args: string[]): Promise<string> => runOk([...cli, ...args], { env });
  let daemon: MachineProcess | undefined;

  const engine: RealEngine = {
    socket,
    docker,
    dockerResult: (...args) => run([...cli, ...args], { env }),
    inspect: (container) => inspectContainer(socket, container),
    readLog: (container) => readContainerLog(socket, container),
    async start() {
      if (daemon?.running) return;
      // What a killed one left says nothing about the next.
      await rm(socket, { force: true });
      const started = await machine.spawn(argv, { network, logFile });
      daemon = started;
      await until('dockerd to answer', async () => {
        if (started.running) await pingEngine(socket);
        return true;
      });
      if (!started.running) throw new Error(`dockerd ended:\n${await readEnd(logFile)}`);
    },
    async stop() {
      if (!daemon?.running) return;
      daemon.signal('SIGCONT');
      daemon.signal('SIGTERM');
      const stopping = daemon;
      await until('dockerd to stop', () => !stopping.running);
    },
    async kill() {
      await daemon?.end('SIGKILL');
    },
    async restart() {
      await engine.stop();
      await engine.start();
    },
    hang: () => daemon?.signal('SIGSTOP'),
    resume: () => daemon?.signal('SIGCONT'),
  };
  await engine.start();
  return engine;
}

function toDockerd(folder: string, socket: string, cgroup: string): readonly string[] {
  return [
    requireTool('dockerd'),
    ...['--data-root', join(folder, 'docker')],
    ...['--host', `unix://${socket}`],
    // systemd, where there is one, knows nothing of the machine.
    ...['--exec-opt', 'native.cgroupdriver=cgroupfs', '--cgroup-parent', `/${cgroup}`],
    // Its processes are killed, never asked: no container may hold up a test by ten seconds.
    ...['--shutdown-timeout', '1'],
  ];
}

/** Nothing of this host's own is touched. */
const noNetwork = ['--bridge=none', '--iptables=false', '--ip-masq=false', '--ip-forward=false'];

/** Its service, which answers as Docker does, to those in the group `docker`. */
function toPodman(folder: string, socket: string): readonly string[] {
  const settings = [
    ...['--root', join(folder, 'podman'), '--runroot', '/run/podman'],
    // crun needs control groups of one version alone.
    ...['--runtime', 'runc', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
  ];
  const serve = `exec podman ${settings.join(' ')} system service --time=0 'unix://${socket}'`;
  const share = `until [ -S '${socket}' ]; do sleep 0.1; done; chgrp docker '${socket}'; chmod 660 '${socket}'`;
  return ['sh', '-c', `( ${share} ) & ${serve}`];
}

async function readEnd(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).split('\n').slice(-8).join('\n');
}
