// The ProxyCommand of ssh's configuration: wakes the VM, writes its key where ssh reads it, and connects ssh to it.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { VmAddress } from '@ondemand/client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { makePrivateFolder, writePrivateFile } from '../login/private-file.ts';
import { toKnownHosts } from './known-hosts.ts';
import { toKnownHostsPath } from './ssh-config.ts';
import { keepAwake, type SshOptions } from './wake-and-prepare-ssh.ts';
import { askAwake } from './wake-if-needed.ts';

/** Resolves once the connection has ended; ssh ends this process then, or with SIGHUP. Throws what the API answers. */
export async function connectStreams(
  context: Context,
  options: Pick<SshOptions, 'no-wake' | 'timeout'>,
): Promise<number> {
  const { signal } = context;
  const { client, url } = await context.connectFrom();
  const awake = { client, wakes: !options['no-wake'], timeoutMs: options.timeout };
  const address = await askAwake(context, awake, () =>
    client.vm.address.query(undefined, { signal }),
  );
  await using _lease = await keepAwake(context, { client, reason: 'ondemand ssh --proxy' });
  // ssh reads the file after the first line of the server, which it gets from here.
  const path = toKnownHostsPath(context.env, url);
  await keepHostKeys(path, toKnownHosts(address));
  const socket = await dial(address, signal);
  const leave = () => socket.destroy();
  signal.addEventListener('abort', leave, { once: true });
  const sending = pipeline(context.stdin, socket);
  const receiving = pipeline(socket, context.stdout, { end: false });
  await receiving.catch(() => {}); // how the connection ended, ssh tells
  leave();
  await sending.catch(() => {});
  return exitCodes.done;
}

async function keepHostKeys(path: string, text: string): Promise<void> {
  try {
    await makePrivateFolder(path);
    await writePrivateFile(path, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // of the file system alone
    throw new CliError(
      exitCodes.failed,
      `${path} cannot be written (${code}); set HOME or XDG_CONFIG_HOME to a folder that can, and run ondemand ssh --config again`,
      { cause: error },
    );
  }
}

/** The API reaches it there; from here it may be another matter. */
async function dial({ host, port }: VmAddress, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true, keepAlive: true });
  const timer = setTimeout(() => socket.destroy(new Error('ETIMEDOUT')), dialTimeoutMs);
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    if (signal.aborted) throw error;
    const { code = 'ETIMEDOUT' } = error as NodeJS.ErrnoException; // the system's, or our own
    throw new CliError(
      exitCodes.unavailable,
      `The API reaches the VM's sshd at ${host} port ${port}, but this machine does not (${code}); check the network between them, and the VM's security list`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}

const dialTimeoutMs = 30_000;
