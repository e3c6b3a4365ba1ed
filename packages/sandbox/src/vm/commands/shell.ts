// Commands on the VM run in a real shell, in a private home, with nothing of the host's environment.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerChannel } from 'ssh2';

export interface Shell {
  /** Runs a command, or a plain shell without one, with the channel as its stdin, stdout and stderr. */
  run(
    channel: ServerChannel,
    options: { readonly command?: string; readonly env: Readonly<Record<string, string>> },
  ): Running;
  /** Kills everything that was started here, detached or not, and resolves when it is gone. */
  killAll(): Promise<void>;
}

export interface Running {
  /** As `kill`, to the whole process group; `TERM`, without `SIG`. */
  signal(name: string): void;
}

export interface ShellOptions {
  readonly user: string;
  readonly home: string;
  /** First in the PATH. */
  readonly binFolder: string;
  /** The VM's /proc, for what asks by HOST_PROC. */
  readonly procFolder: string;
  readonly beforeRun: () => void;
}

const killDeadlineMs = 5_000;

/** Nothing runs yet. */
export function createShell({ user, home, binFolder, procFolder, beforeRun }: ShellOptions): Shell {
  const children = new Set<ChildProcess>();
  // In the environment of every descendant: this finds those that left the process group.
  const marker = `ONDEMAND_SANDBOX_VM=${randomUUID()}`;
  const base = {
    HOME: home,
    USER: user,
    LOGNAME: user,
    SHELL: '/bin/sh',
    HOST_PROC: procFolder,
    PATH: `${binFolder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    [marker.slice(0, marker.indexOf('='))]: marker.slice(marker.indexOf('=') + 1),
  };
  return {
    run(channel, { command, env }) {
      beforeRun();
      const child = spawn('/bin/sh', command === undefined ? [] : ['-c', command], {
        cwd: home,
        env: { ...env, ...base },
        detached: true,
        stdio: 'pipe',
      });
      children.add(child);
      child.on('close', () => children.delete(child));
      attach(channel, child);
      return { signal: (name) => killGroup(child, `SIG${name}`) };
    },
    async killAll() {
      for (const child of children) killGroup(child, 'SIGKILL');
      const deadline = Date.now() + killDeadlineMs;
      // Repeatedly: a process may fork during the search.
      for (
        let left = await findMarkedProcesses(marker);
        left.length > 0;
        left = await findMarkedProcesses(marker)
      ) {
        for (const pid of left) kill(pid, 'SIGKILL');
        if (Date.now() > deadline)
          throw new Error(`processes of the VM survive: ${left.join(', ')}`);
        await sleep(10);
      }
    },
  };
}

function attach(channel: ServerChannel, child: ChildProcess): void {
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) return;
  stdin.on('error', () => {});
  channel.on('error', () => {});
  channel.pipe(stdin);
  stdout.pipe(channel, { end: false });
  stderr.pipe(channel.stderr, { end: false });
  child.on('error', () => {
    channel.exit(127);
    channel.end();
  });
  // As sshd: the exit status goes out at once, the channel closes when nobody holds its pipes any more.
  child.on('exit', (exitCode, signal) => {
    if (exitCode !== null) channel.exit(exitCode);
    else channel.exit((signal ?? 'SIGKILL').replace('SIG', ''), false, '');
  });
  child.on('close', () => channel.end());
  // Without a terminal nobody is hung up on: the command only loses its pipes.
  channel.on('close', () => {
    stdin.destroy();
    stdout.destroy();
    stderr.destroy();
  });
}

function killGroup(child: ChildProcess, signal: string): void {
  if (child.pid !== undefined) kill(-child.pid, signal);
}

function kill(pid: number, signal: string): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended already, or the name is no signal.
  }
}

/** Only Linux shows the environment of other processes; elsewhere only the process groups are found. */
async function findMarkedProcesses(marker: string): Promise<readonly number[]> {
  const names = await readdir('/proc').catch(() => []);
  const found: number[] = [];
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const environ = await readFile(join('/proc', name, 'environ'), 'utf8').catch(() => '');
    // A zombie has no environment any more.
    if (environ.split('\0').includes(marker)) found.push(Number(name));
  }
  return found;
}
