// Use of the VM that a test sets: who is logged in, who is connected to a container, and what the VM's clock says; told in the files that Linux tells it in.

import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SandboxContainer } from '../engine/container.ts';

/** Plain settings; the next command on the VM finds them. */
export interface VmUse {
  /** Ends of connections of people to sshd, e.g. `198.51.100.9:50000`, beside those that there really are. */
  sessions: readonly string[];
  /** Ends of connections to the first port of a container, by its name. */
  connections: Readonly<Record<string, readonly string[]>>;
  /** /proc shows nobody the processes of others, as with `hidepid=2`. */
  hidesProcesses: boolean;
  /** The VM's clock goes so much ahead of the real one. */
  clockAheadSeconds: number;
  /** How long the VM has been on, by its own clock. */
  upSeconds: number;
}

export interface VmUseFiles {
  readonly use: VmUse;
  /** Where the VM's /proc is. */
  readonly folder: string;
  /** Writes what has changed; called before each command. */
  write(): void;
  /** The VM was switched on: another boot. */
  boot(): void;
}

export interface VmUseOptions {
  readonly folder: string;
  /** First in the PATH of every command. */
  readonly binFolder: string;
  readonly port: number;
  readonly containers: () => readonly SandboxContainer[];
  /** Ends of the connections to sshd that there are. */
  readonly peers: () => readonly string[];
}

export function createVmUse({
  folder,
  binFolder,
  port,
  containers,
  peers,
}: VmUseOptions): VmUseFiles {
  const use: VmUse = {
    sessions: [],
    connections: {},
    hidesProcesses: false,
    clockAheadSeconds: 0,
    upSeconds: 0,
  };
  let bootId = randomUUID();
  let bootedAtMs = Date.now();
  let written: Readonly<Record<string, string>> = {};
  let writtenClock = 0;

  return {
    use,
    folder,
    write() {
      const files = toFiles();
      const changed = Object.entries(files).filter(([name, text]) => written[name] !== text);
      for (const [name, text] of changed) replaceFile(join(folder, name), text);
      const kept = new Set(Object.keys(files).map(toEntry));
      for (const entry of Object.keys(written).map(toEntry)) {
        if (!kept.has(entry)) rmSync(join(folder, entry), { recursive: true, force: true });
      }
      written = files;
      if (writtenClock !== use.clockAheadSeconds) writeClock();
      writtenClock = use.clockAheadSeconds;
    },
    boot() {
      bootId = randomUUID();
      bootedAtMs = Date.now();
      use.upSeconds = 0;
    },
  };

  function toFiles(): Record<string, string> {
    const bootedAt = Math.floor(bootedAtMs / 1000) + use.clockAheadSeconds - use.upSeconds;
    const sshd = [...peers(), ...use.sessions].map((end) => toLine(`127.0.0.1:${port}`, end));
    const files: Record<string, string> = {
      stat: `cpu 1 2 3 4\nbtime ${bootedAt}\n`,
      'sys/kernel/random/boot_id': `${bootId}\n`,
      'self/net/tcp': header + sshd.join(''),
    };
    if (use.hidesProcesses) return files;
    files['1/comm'] = 'systemd\n';
    const all = containers().filter(({ pid }) => pid > 0);
    const linesOf = new Map<string, string>();
    for (const each of all) {
      const owner = toNetworkOwner(each);
      linesOf.set(owner, (linesOf.get(owner) ?? '') + toLines(each));
    }
    for (const each of all)
      files[`${each.pid}/net/tcp`] = `${header}${linesOf.get(toNetworkOwner(each))}`;
    return files;
  }

  function toLines({ name, spec }: SandboxContainer): string {
    const listened = spec.ports[0]?.containerPort ?? 80;
    const ends = use.connections[name] ?? [];
    const lines = ends.map((end) => toLine(`172.17.0.2:${listened}`, end));
    return toLine(`0.0.0.0:${listened}`, '0.0.0.0:0', '0A') + lines.join('');
  }

  /** Id of the container in whose network it is. */
  function toNetworkOwner({ id, spec }: SandboxContainer): string {
    const [, owner] = /^container:(.+)$/.exec(spec.network) ?? [];
    if (owner === undefined) return id;
    return containers().find((each) => each.name === owner)?.id ?? owner;
  }

  /** What a VM whose clock goes wrong has in place of `date`. */
  function writeClock(): void {
    const file = join(binFolder, 'date');
    if (use.clockAheadSeconds === 0) return void rmSync(file, { force: true });
    const ahead = `$(($(/bin/date +%s) + ${use.clockAheadSeconds}))`;
    replaceFile(file, `#!/bin/sh\n[ "$*" = +%s ] || exec /bin/date "$@"\necho ${ahead}\n`, 0o755);
  }

  /** At once: a command that runs meanwhile finds the file before or after it, and never half of it. */
  function replaceFile(file: string, text: string, mode?: number): void {
    mkdirSync(dirname(file), { recursive: true });
    const next = `${folder}.next`;
    writeFileSync(next, text, { mode });
    renameSync(next, file);
  }
}

/** What stands in /proc itself, such as a process. */
function toEntry(name: string): string {
  return name.split('/', 1).join();
}

const header = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n';

/** As the kernel writes it on a little-endian machine. */
function toLine(local: string, remote: string, state = '01'): string {
  return `   0: ${toHex(local)} ${toHex(remote)} ${state} 00000000:00000000 00:00000000 00000000\n`;
}

function toHex(end: string): string {
  const [address = '', port] = end.split(':');
  const bytes = address
    .split('.')
    .reverse()
    .map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return `${bytes.join('')}:${Number(port).toString(16).padStart(4, '0')}`.toUpperCase();
}
