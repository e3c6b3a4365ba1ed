// A private OpenSSH server for tests: its own folder, keys and port, nothing of the machine's own sshd.

import { execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import {
  createSshConnection,
  type SshConnection,
  type SshConnectionOptions,
} from '../ssh/connection/connection.ts';
import { listProcesses } from './processes.test-support.ts';

const sshdPath = '/usr/sbin/sshd';

/** Why no real sshd can run here; undefined when one can. */
const sshdProblem: string | undefined =
  process.getuid?.() !== 0
    ? 'they need root'
    : existsSync(sshdPath)
      ? undefined
      : 'sshd is not installed (Debian: apt-get install openssh-server)';

/** Tests that need a real sshd: run where there can be one, else listed as skipped under a title that says why. */
export function describeSshd(name: string, tests: () => void): void {
  const title = sshdProblem === undefined ? name : `${name} [skipped: real sshd, ${sshdProblem}]`;
  describe.skipIf(sshdProblem !== undefined)(title, tests);
}

export interface PrivateSshd extends AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly privateKeyFile: string;
  readonly knownHostsFile: string;
  /** What sshd has logged so far. */
  log(): string;
  start(): Promise<void>;
  /** Kills the server and every session of it. */
  kill(): Promise<void>;
  /** Sends a signal to the processes that serve open connections. */
  signalSessions(signal: NodeJS.Signals): void;
  /** The public key of a type, as a known_hosts field. */
  publicKey(type?: HostKeyType): Promise<string>;
  fingerprint(type?: HostKeyType): Promise<string>;
  /** Replaces the host key; takes effect with the next start. */
  renewHostKey(type?: HostKeyType): Promise<void>;
}

export type HostKeyType = 'ed25519' | 'rsa' | 'ecdsa';

export interface SshdOptions {
  readonly hostKeyTypes?: readonly HostKeyType[];
  /** Lines that go before the defaults, and so win over them. */
  readonly config?: readonly string[];
  /** What every session finds in its environment; the folder is the server's own. */
  readonly env?: (folder: string) => Readonly<Record<string, string>>;
}

/** Starts a server that lets in the current user with `privateKeyFile`. */
export async function startSshd({
  hostKeyTypes = ['ed25519'],
  config = [],
  env = () => ({}),
}: SshdOptions = {}): Promise<PrivateSshd> {
  await mkdir('/run/sshd', { recursive: true });
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-sshd-'));
  const port = await findFreePort();
  const hostKeyFile = (type: HostKeyType) => join(folder, `host_${type}`);
  const privateKeyFile = join(folder, 'client_key');
  for (const type of hostKeyTypes) writeUsedKey(hostKeyFile(type), type, 'host');
  writeUsedKey(privateKeyFile, 'ed25519', 'client');
  const knownHostsFile = join(folder, 'known_hosts');
  const publicKey = async (type: HostKeyType = hostKeyTypes[0] ?? 'ed25519') =>
    (await readFile(`${hostKeyFile(type)}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
  const writeKnownHosts = async () => {
    const keys = await Promise.all(hostKeyTypes.map((type) => publicKey(type)));
    await writeFile(
      knownHostsFile,
      keys.map((key) => `[127.0.0.1]:${port} ${key.trim()}\n`).join(''),
    );
  };
  await writeKnownHosts();
  // Keeps bash from reading the developer's own start-up files.
  const sessionEnv = { SHLVL: '5', ...env(folder) };
  await writeFile(
    join(folder, 'sshd_config'),
    [
      ...config,
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      ...hostKeyTypes.map((type) => `HostKey ${hostKeyFile(type)}`),
      `AuthorizedKeysFile ${privateKeyFile}.pub`,
      `PidFile ${join(folder, 'pid')}`,
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'StrictModes no',
      'UsePAM no',
      'UseDNS no',
      'LogLevel VERBOSE',
      `SetEnv ${Object.entries(sessionEnv)
        .map((pair) => pair.join('='))
        .join(' ')}`,
    ].join('\n'),
  );

  let log = '';
  let server: ReturnType<typeof spawn> | undefined;

  const start = async () => {
    const child = spawn(sshdPath, ['-D', '-e', '-f', join(folder, 'sshd_config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.on('data', (chunk) => {
      log += chunk;
    });
    server = child;
    await waitForPort(port);
  };
  const kill = async () => {
    const child = server;
    server = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const sessions = listDescendants(child.pid);
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    for (const pid of sessions) sendSignal(pid, 'SIGKILL');
    await exited;
  };
  // A test that times out never gets to dispose of anything.
  const onExit = () => {
    server?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', onExit);
  await start();

  return {
    port,
    folder,
    privateKeyFile,
    knownHostsFile,
    log: () => log,
    start,
    kill,
    signalSessions(signal) {
      if (server?.pid === undefined) return;
      for (const pid of listDescendants(server.pid)) sendSignal(pid, signal);
    },
    publicKey,
    async fingerprint(type = hostKeyTypes[0] ?? 'ed25519') {
      const text = execFileSync('ssh-keygen', ['-lf', `${hostKeyFile(type)}.pub`], {
        encoding: 'utf8',
      });
      return text.split(' ')[1] ?? '';
    },
    async renewHostKey(type = hostKeyTypes[0] ?? 'ed25519') {
      await rm(hostKeyFile(type));
      await rm(`${hostKeyFile(type)}.pub`);
      generateKey(hostKeyFile(type), type);
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', onExit);
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A connection to the server, as the user that it lets in. */
export function connectTo(
  sshd: PrivateSshd,
  options: Partial<SshConnectionOptions> = {},
): SshConnection {
  return createSshConnection({
    resolveHost: async () => '127.0.0.1',
    port: sshd.port,
    username: 'root',
    privateKeyFile: sshd.privateKeyFile,
    knownHostsFile: sshd.knownHostsFile,
    ...options,
  });
}

/** Makes a key pair at `file` and `file.pub`. */
export function generateKey(file: string, type: HostKeyType, passphrase = ''): void {
  const size = type === 'rsa' ? ['-b', '2048'] : [];
  execFileSync('ssh-keygen', ['-q', '-t', type, ...size, '-N', passphrase, '-f', file]);
}

/** By their type and purpose, as a private and a public key. */
const usedKeys = new Map<string, readonly [Buffer, Buffer]>();

/** As `generateKey`, with a key that earlier servers of this process had, too: few tests mind, and each new one costs a process. */
function writeUsedKey(file: string, type: HostKeyType, purpose: 'host' | 'client'): void {
  const name = `${type} ${purpose}`;
  const used = usedKeys.get(name);
  if (used === undefined) {
    generateKey(file, type);
    usedKeys.set(name, [readFileSync(file), readFileSync(`${file}.pub`)]);
  } else {
    writeFileSync(file, used[0], { mode: 0o600 });
    writeFileSync(`${file}.pub`, used[1]);
  }
}

/** A port of 127.0.0.1 that nothing listens on, below those that the system hands out by itself. No other call gets it, of any process, while this process runs: its UDP port stays taken. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const held = createSocket('udp4');
    const server = createServer();
    try {
      held.bind(port, '127.0.0.1');
      await once(held, 'listening');
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    } catch {
      held.close();
      continue; // taken
    }
    held.unref();
    server.close();
    await once(server, 'close');
    return port;
  }
}

async function waitForPort(port: number): Promise<void> {
  const deadlineMs = Date.now() + 120_000;
  while (Date.now() < deadlineMs) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`sshd does not listen on port ${port}`);
}

function listDescendants(pid: number, processes = listProcesses()): number[] {
  return processes
    .filter(({ parent }) => parent === pid)
    .flatMap((child) => [child.pid, ...listDescendants(child.pid, processes)]);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
