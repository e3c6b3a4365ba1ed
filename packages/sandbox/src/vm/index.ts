// The VM that OCI powers on and off, with sshd, a shell and Docker on it.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createEngine, type SandboxEngine } from '../engine/engine.ts';
import type { Faults } from '../faults.ts';
import { findFreePort } from '../free-port.ts';
import { createCommandServer } from './commands/command-server.ts';
import { writeShims } from './commands/command-stub.ts';
import { runDocker } from './commands/docker.ts';
import { createShell, type Shell } from './commands/shell.ts';
import { createImages } from './compose/images.ts';
import { writeStacks } from './example-compose-projects.ts';
import { populate } from './example-containers.ts';
import { createHostKey } from './host-key.ts';
import { createListener } from './listener.ts';
import { createVmUse, type VmUse } from './simulated-use.ts';
import { createSshServer } from './ssh-server.ts';

export interface VmOptions {
  readonly faults: Faults;
  /** The only one who may log in. */
  readonly user: string;
  /** An OpenSSH public key line. */
  readonly authorizedKey: string;
  /** A private folder that exists; the VM writes into it and leaves its removal to the caller. */
  readonly home: string;
  /** Stands between sshd and the shell. */
  readonly aroundShell?: ((shell: Shell) => Shell) | undefined;
}

export interface SandboxVm extends AsyncDisposable {
  /** Where sshd listens, the same over power cycles. */
  readonly port: number;
  /** `SHA256:…` of the present key. */
  readonly hostKeyFingerprint: string;
  /** `ssh-ed25519 AAAA…`, the present key. */
  readonly hostPublicKey: string;
  /** Resolves when sshd listens and Docker answers; does nothing on a VM that is on. Containers with a restart policy come back. */
  powerOn(host?: string): Promise<void>;
  /** Like pulling the plug: resolves when every connection is cut, nothing listens and no command runs any more. */
  powerOff(): Promise<void>;
  /** A new host key from the next connection on. */
  changeHostKey(): void;
  readonly engine: SandboxEngine;
  /** Every command line that sshd was given, in order. */
  readonly commands: readonly string[];
  /** Who uses the VM, and what its clock says. */
  readonly use: VmUse;
  /** TCP connections to sshd that are open now. */
  readonly connections: number;
  /** TCP connections that sshd has accepted, ever. */
  readonly connects: number;
}

/** A VM that is off, with its stacks in the home and its containers as they were left running. */
export async function createVm(options: VmOptions): Promise<SandboxVm> {
  const { faults, user, authorizedKey, home, aroundShell = (each) => each } = options;
  const sockets = await createSocketFolder(join(home, '.sandbox'));
  const socketPath = join(sockets.folder, 'engine.sock');
  const commandPath = join(sockets.folder, 'command.sock');
  const binFolder = join(home, 'bin');
  await writeShims(binFolder, commandPath);
  await writeStacks(home);

  const images = createImages();
  const engine = createEngine({ socketPath, faults });
  await populate(engine, { home, images });
  const commands = createCommandServer(commandPath, (call) =>
    runDocker({ ...call, engine, images, faults }),
  );
  const port = await findFreePort();
  const useFiles = createVmUse({
    folder: join(home, '.sandbox', 'proc'),
    binFolder,
    port,
    containers: () => engine.containers,
    peers: () => listener.peers,
  });
  const shell = createShell({
    ...{ user, home, binFolder, procFolder: useFiles.folder },
    beforeRun: useFiles.write,
  });
  const lines: string[] = [];
  const around = aroundShell(shell);
  const noted: Shell = {
    ...around,
    run(channel, given) {
      lines.push(given.command ?? '');
      return around.run(channel, given);
    },
  };
  const sshd = createSshServer({ user, authorizedKey, faults, engine, shell: noted });
  let hostKey = createHostKey();
  const listener = createListener({
    port,
    faults,
    serve: (stream, peer) =>
      sshd.serve(stream, hostKey, `${peer.replace(':', ' ')} 127.0.0.1 ${port}`),
  });

  let on = false;
  // One power change after the other, however they are called.
  let last: Promise<unknown> = Promise.resolve();
  const inOrder = (work: () => Promise<void>): Promise<void> => {
    const done = last.then(work);
    last = done.catch(() => {});
    return done;
  };
  const powerOff = async (): Promise<void> => {
    if (!on) return;
    on = false;
    listener.close();
    await commands.close();
    await engine.halt();
    await shell.killAll();
  };
  return {
    port,
    engine,
    commands: lines,
    use: useFiles.use,
    get hostKeyFingerprint() {
      return hostKey.fingerprint;
    },
    get hostPublicKey() {
      return hostKey.publicKey;
    },
    get connections() {
      return listener.connections;
    },
    get connects() {
      return listener.connects;
    },
    powerOn: (host = '127.0.0.1') =>
      inOrder(async () => {
        if (on) return;
        on = true;
        useFiles.boot();
        await engine.boot();
        await commands.open();
        await listener.open(host);
      }),
    powerOff: () => inOrder(powerOff),
    changeHostKey() {
      hostKey = createHostKey();
    },
    [Symbol.asyncDispose]: () =>
      inOrder(async () => {
        await powerOff();
        listener.release();
        await engine[Symbol.asyncDispose]();
        await sockets[Symbol.asyncDispose]();
      }),
  };
}

/** Linux takes 107 bytes for the path of a socket, macOS 103: a longer path gets a folder of its own further up. */
const longestSocketPath = 103;

async function createSocketFolder(wanted: string): Promise<{ folder: string } & AsyncDisposable> {
  await mkdir(wanted, { recursive: true, mode: 0o700 });
  const fits = Buffer.byteLength(join(wanted, 'command.sock')) <= longestSocketPath;
  const folder = fits ? wanted : await mkdtemp('/tmp/ondemand-vm-');
  return {
    folder,
    async [Symbol.asyncDispose]() {
      if (!fits) await rm(folder, { recursive: true, force: true });
    },
  };
}
