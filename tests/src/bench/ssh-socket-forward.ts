// The Engine's socket through OpenSSH's own forwarding, on a connection that stays: what any tool pays that comes over SSH.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireTool } from '../real-engine/real-engine-problem.ts';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { until } from '../support/until.ts';

export interface Forward extends AsyncDisposable {
  readonly socketPath: string;
}

export async function startForward({ sshd, user, dockerSocket }: RealVm): Promise<Forward> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-bench-'));
  const socketPath = join(folder, 'docker.sock');
  const settings = [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    `UserKnownHostsFile=${sshd.knownHostsFile}`,
  ];
  const args = [
    ...['-F', 'none', '-N', '-i', sshd.userKeyFile, '-p', String(sshd.port)],
    ...settings.flatMap((setting) => ['-o', setting]),
    ...['-L', `${socketPath}:${dockerSocket}`, `${user.name}@${sshd.host}`],
  ];
  const child = spawn(requireTool('ssh'), args, { stdio: 'ignore' });
  const exited = once(child, 'exit');
  await until('ssh to forward the socket', () => existsSync(socketPath), { timeoutMs: 30_000 });
  return {
    socketPath,
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}
