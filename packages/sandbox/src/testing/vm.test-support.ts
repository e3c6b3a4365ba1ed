// A powered VM in a folder of its own, and an SSH client that may log in.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import ssh2 from 'ssh2';
import { onTestFinished } from 'vitest';
import { createEd25519Key } from '../ed25519-key.ts';
import { createFaults, type Faults } from '../faults.ts';
import { createVm, type SandboxVm } from '../vm/index.ts';

export interface TestVm extends AsyncDisposable {
  readonly vm: SandboxVm;
  readonly faults: Faults;
  readonly home: string;
  /** The key that may log in. */
  readonly publicLine: string;
  /** An authenticated client; ended with the VM. Rejects with ssh2's error. */
  login(options?: ssh2.ConnectConfig): Promise<ssh2.Client>;
  /** Logs in if need be, runs one command and waits for its end. */
  run(command: string, options?: { readonly client?: ssh2.Client }): Promise<CommandEnd>;
}

export interface CommandEnd {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Powered on, unless told otherwise, and quiet: its containers write no logs of their own accord. */
export async function startTestVm({ powered = true, homeName = 'home' } = {}): Promise<TestVm> {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-vm-'));
  const home = join(folder, homeName);
  await mkdir(home);
  const faults = createFaults();
  const pair = createEd25519Key();
  const vm = await createVm({ faults, user: 'opc', authorizedKey: pair.publicLine, home });
  vm.engine.chatty = false;
  if (powered) await vm.powerOn();
  const clients = new Set<ssh2.Client>();

  const login = (options: ssh2.ConnectConfig = {}): Promise<ssh2.Client> =>
    new Promise((resolve, reject) => {
      const client = new ssh2.Client();
      clients.add(client);
      client.on('error', reject);
      client.on('close', () => reject(new Error('closed before it was ready')));
      client.on('ready', () => resolve(client));
      const sock = options.sock ?? connect({ host: '127.0.0.1', port: vm.port, noDelay: true });
      const key = options.agent === undefined ? { privateKey: pair.privatePem } : {};
      const own = { username: 'opc', strictVendor: true, ...key };
      client.connect({ readyTimeout: 5_000, ...own, ...options, sock });
    });
  let shared: Promise<ssh2.Client> | undefined;
  return {
    vm,
    faults,
    home,
    publicLine: pair.publicLine,
    login,
    async run(command, { client } = {}) {
      shared ??= client === undefined ? login() : undefined;
      return runOn(client ?? (await shared) ?? (await login()), command);
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      await vm[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a command on an open client; `stdin` is empty. */
export async function runOn(client: ssh2.Client, command: string): Promise<CommandEnd> {
  const channel = await openExec(client, command);
  const output = { stdout: '', stderr: '' };
  channel.on('data', (bytes: Buffer) => {
    output.stdout += bytes;
  });
  channel.stderr.on('data', (bytes: Buffer) => {
    output.stderr += bytes;
  });
  channel.end();
  return new Promise((resolve) => {
    channel.on('close', (exitCode?: number, signal?: string) =>
      resolve({ exitCode, signal, ...output }),
    );
  });
}

export function openExec(client: ssh2.Client, command: string): Promise<ssh2.ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
  });
}

export function openSocket(
  client: ssh2.Client,
  path = '/var/run/docker.sock',
): Promise<ssh2.ClientChannel> {
  return new Promise((resolve, reject) => {
    client.openssh_forwardOutStreamLocal(path, (error, channel) =>
      error ? reject(error) : resolve(channel),
    );
  });
}

/** One HTTP request over a stream of one's own. */
export function requestOver(stream: Duplex, path: string): Promise<IncomingMessage> {
  // Node's client calls these on whatever it is given as a socket.
  Object.assign(stream, {
    setKeepAlive() {},
    setNoDelay() {},
    setTimeout() {},
    ref() {},
    unref() {},
  });
  return new Promise((resolve, reject) => {
    request({ createConnection: () => stream, path, host: 'docker' }, resolve)
      .on('error', reject)
      .end();
  });
}

/** The same, ended with the test that calls it. */
export async function start(options?: Parameters<typeof startTestVm>[0]): Promise<TestVm> {
  const app = await startTestVm(options);
  onTestFinished(() => app[Symbol.asyncDispose]());
  return app;
}

export function closed(emitter: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => emitter.once('close', () => resolve()));
}
