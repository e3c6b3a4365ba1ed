// A user of this machine, for a test's sshd to let in: with a login shell and start-up files of its own, gone after the test with all its processes.

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PrivateSshd } from './sshd.test-support.ts';

export interface SystemUser extends AsyncDisposable {
  readonly name: string;
  readonly home: string;
}

export interface SystemUserOptions {
  readonly shell: string;
  /** By their path in the home folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly groups?: readonly string[];
}

/** Adds a user whose home is in the server's folder. Needs root. */
export async function addSystemUser(
  sshd: PrivateSshd,
  { shell, files = {}, groups = [] }: SystemUserOptions,
): Promise<SystemUser> {
  const name = `ondemand-${randomBytes(4).toString('hex')}`;
  const home = join(sshd.folder, name);
  await chmod(sshd.folder, 0o755);
  await mkdir(home);
  const entries = { '.hushlogin': '', ...files };
  for (const [file, text] of Object.entries(entries)) {
    await mkdir(dirname(join(home, file)), { recursive: true });
    await writeFile(join(home, file), text);
  }
  // '*' is a password that fits nothing; '!' would lock the account for sshd as well.
  const more = groups.length > 0 ? ['-G', groups.join()] : [];
  execFileSync('useradd', ['-M', '-d', home, '-s', shell, '-p', '*', ...more, name]);
  execFileSync('chown', ['-R', name, home]);
  return {
    name,
    home,
    async [Symbol.asyncDispose]() {
      spawnSync('pkill', ['-KILL', '-u', name]);
      execFileSync('userdel', ['--force', name], { stdio: 'ignore' });
    },
  };
}
