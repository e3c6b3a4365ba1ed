// An OpenSSH server of the machine's own, reachable on this host's loopback.

import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findFreePort } from '@ondemand/sandbox';
import { runOk } from '../support/run.ts';
import { until } from '../support/until.ts';
import type { Machine, MachineProcess } from './machine-in-namespaces.ts';
import { requireTool } from './real-engine-problem.ts';

export interface RealSshServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Of the process that listens; each connection has children of its own. */
  readonly pid: number;
  /** The user's key; a second, valid one is in `unknownKeyFile` that no one may use. */
  readonly userKeyFile: string;
  readonly unknownKeyFile: string;
  readonly knownHostsFile: string;
  /** As `ssh-keygen -l` prints it. */
  readonly hostKeyFingerprint: string;
  /** Listens again on the same port. `config` holds lines of sshd_config that win over ours, e.g. `MaxSessions 2`; none: as first started. */
  start(config?: readonly string[]): Promise<void>;
  /** Ends it and every connection at once, without a word to the clients. */
  kill(): Promise<void>;
  /** `kill`, then `start`. */
  restart(config?: readonly string[]): Promise<void>;
  /** Stops listening; connections go on. */
  stopListening(): Promise<void>;
  /** A new host key from the next start on; `known_hosts` keeps the old one. */
  changeHostKey(): Promise<void>;
}

export interface SshServerOptions {
  readonly machine: Machine;
  readonly folder: string;
  readonly user: string;
  /** Set in every session, e.g. `PATH`. */
  readonly sessionEnv: Readonly<Record<string, string>>;
  readonly config?: readonly string[];
}

/** Starts sshd with keys of its own and nothing of this host's configuration. */
export async function startSshServer(options: SshServerOptions): Promise<RealSshServer> {
  const { machine, folder, user, sessionEnv } = options;
  const file = (name: string): string => join(folder, name);
  const hostKeyFile = file('ssh_host_ed25519_key');
  const configFile = file('sshd_config');
  const port = await findFreePort();
  await Promise.all([hostKeyFile, file('user_key'), file('unknown_key')].map(generateKey));
  const userKey = await readFile(file('user_key.pub'), 'utf8');
  await writeFile(file('authorized_keys'), userKey, { mode: 0o644 });
  const hostKey = (await readFile(`${hostKeyFile}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(file('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
  const fingerprint = await runOk([requireTool('ssh-keygen'), '-l', '-f', hostKeyFile]);

  const lines = [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${hostKeyFile}`,
    'PidFile none',
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    `AllowUsers ${user}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'AllowStreamLocalForwarding yes',
    'PrintMotd no',
    `SetEnv ${Object.entries(sessionEnv)
      .map((pair) => pair.join('='))
      .join(' ')}`,
  ];
  let daemon: MachineProcess | undefined;

  const server: RealSshServer = {
    host: '127.0.0.1',
    port,
    get pid() {
      if (!daemon?.running) throw new Error('sshd is not running');
      return daemon.pid;
    },
    userKeyFile: file('user_key'),
    unknownKeyFile: file('unknown_key'),
    knownHostsFile: file('known_hosts'),
    hostKeyFingerprint: fingerprint.split(' ')[1] ?? '',
    async start(config = options.config ?? []) {
      if (daemon?.running) return;
      // sshd keeps the first value it meets.
      await writeFile(configFile, [...config, ...lines, ''].join('\n'));
      const argv = [requireTool('sshd'), '-D', '-e', '-f', configFile];
      const started = await machine.spawn(argv, { network: 'host', logFile: file('sshd.log') });
      daemon = started;
      await until('sshd to listen', () => !started.running || canConnect(port));
      if (!started.running) {
        throw new Error(`sshd ended: ${await readFile(file('sshd.log'), 'utf8')}`);
      }
    },
    async kill() {
      await daemon?.end('SIGKILL');
    },
    async restart(config) {
      await server.kill();
      await server.start(config);
    },
    async stopListening() {
      const stopping = daemon;
      stopping?.signal('SIGTERM');
      if (stopping) await until('sshd to stop listening', () => !stopping.running);
    },
    async changeHostKey() {
      await Promise.all([hostKeyFile, `${hostKeyFile}.pub`].map((path) => rm(path)));
      await generateKey(hostKeyFile);
    },
  };
  await server.start();
  return server;
}

async function generateKey(path: string): Promise<void> {
  await runOk([requireTool('ssh-keygen'), '-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);
  await chmod(path, 0o600);
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
