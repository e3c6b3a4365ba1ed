// `docker -H ssh://…` as its own client does it; that takes no options for ssh, so a wrapper gives them.

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { requireTool } from '../real-engine/real-engine-problem.ts';
import type { RealVm } from '../real-engine/start-real-vm.ts';
import { runOk } from '../support/run.ts';

export interface DockerOverSsh extends AsyncDisposable {
  /** Resolves with stdout; rejects unless the command exits with 0. */
  run(...args: string[]): Promise<string>;
}

export async function createDockerOverSsh({ sshd, user }: RealVm): Promise<DockerOverSsh> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-bench-'));
  const config = [
    `IdentityFile ${sshd.userKeyFile}`,
    `UserKnownHostsFile ${sshd.knownHostsFile}`,
    'IdentitiesOnly yes',
    'StrictHostKeyChecking yes',
    'BatchMode yes',
  ];
  const configFile = join(folder, 'ssh_config');
  const wrapper = join(folder, 'ssh');
  await writeFile(configFile, `${config.join('\n')}\n`);
  await writeFile(wrapper, `#!/bin/sh\nexec ${requireTool('ssh')} -F '${configFile}' "$@"\n`);
  await chmod(wrapper, 0o755);
  const env = { PATH: [folder, process.env.PATH].join(delimiter), DOCKER_CONFIG: folder };
  const target = ['--host', `ssh://${user.name}@${sshd.host}:${sshd.port}`];
  return {
    run: (...args) => runOk([requireTool('docker'), ...target, ...args], { env }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
