// A private Dropbear server for tests, beside a private sshd whose folder and key it uses.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe } from 'vitest';
import { findFreePort, type PrivateSshd } from './sshd.test-support.ts';
import type { SystemUser } from './system-user.test-support.ts';

const program = '/usr/sbin/dropbear';

const problem =
  process.getuid?.() !== 0
    ? 'they need root'
    : existsSync(program)
      ? undefined
      : 'it is not installed (Debian: apt-get install dropbear-bin)';

/** Tests that need Dropbear: run where it is, else listed as skipped under a title that says why. */
export function describeDropbear(name: string, tests: () => void): void {
  const title = problem === undefined ? name : `${name} [skipped: Dropbear, ${problem}]`;
  describe.skipIf(problem !== undefined)(title, tests);
}

export interface Dropbear extends AsyncDisposable {
  /** For `connectTo`. */
  readonly options: { readonly port: number; readonly knownHostsFile: string };
}

/** Listens once this resolves; `args` as `dropbear -h` lists them. */
export async function startDropbear(
  { folder }: PrivateSshd,
  args: readonly string[] = [],
): Promise<Dropbear> {
  const port = await findFreePort();
  const path = (name: string) => join(folder, `dropbear-${port}-${name}`);
  const key = ['-t', 'ed25519', '-f', path('key')];
  const said = execFileSync('dropbearkey', key, { encoding: 'utf8', stdio: 'pipe' });
  const publicKey = /^ssh-ed25519 \S+/m.exec(said)?.[0];
  await writeFile(path('known_hosts'), `[127.0.0.1]:${port} ${publicKey}\n`);
  const server = spawn(
    program,
    ['-F', '-E', '-p', `127.0.0.1:${port}`, '-r', path('key'), '-P', path('pid'), ...args],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const exited = once(server, 'exit');
  // It says so once it listens.
  for await (const line of createInterface({ input: server.stderr })) {
    if (line.includes('Not backgrounding')) break;
  }
  server.stderr.resume();
  return {
    options: { port, knownHostsFile: path('known_hosts') },
    async [Symbol.asyncDispose]() {
      server.kill();
      await exited;
    },
  };
}

/** Dropbear reads the key from the home folder, which only its user may be able to write. */
export async function letIn({ name, home }: SystemUser, line: string): Promise<void> {
  const folder = join(home, '.ssh');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'authorized_keys'), line);
  await chmod(home, 0o700);
  execFileSync('chown', ['-R', name, folder]);
}
