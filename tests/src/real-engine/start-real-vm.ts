// The outside world's VM for real: a dockerd behind an sshd, private to one test.

import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { openAll } from '../support/disposer.ts';
import { type RunResult, run } from '../support/run.ts';
import { importBaseImage } from './base-image.ts';
import { addComposePlugin, lightComposeV1 } from './compose.ts';
import { type RealEngine, startEngine } from './engine.ts';
import { startMachine } from './machine-in-namespaces.ts';
import { findTool, requireTool } from './real-engine-problem.ts';
import { type RealSshServer, startSshServer } from './ssh-server.ts';

export interface RealVm extends AsyncDisposable {
  /** What points a server at this VM: `SSH_*` and `DOCKER_SOCKET`. */
  readonly env: Readonly<Record<string, string>>;
  readonly dockerSocket: string;
  /** What docker-compose needs to know when it runs on this host, as the VM's owner would run it there. */
  readonly composeEnv: Readonly<Record<string, string>>;
  /** The SSH user's home, under the same path on the VM and on this host. */
  readonly home: string;
  readonly user: VmUser;
  /** The VM's first process, as this host sees it. */
  readonly pid: number;
  readonly docker: RealEngine['docker'];
  readonly dockerResult: RealEngine['dockerResult'];
  readonly inspect: RealEngine['inspect'];
  readonly readLog: RealEngine['readLog'];
  readonly engine: RealEngine;
  readonly sshd: RealSshServer;
  /** Runs a shell line on the VM through the OpenSSH client, whatever its exit code. */
  ssh(line: string): Promise<RunResult>;
}

export interface VmUser {
  readonly name: string;
  readonly id: number;
}

export interface RealVmOptions {
  /** Lines of sshd_config that win over ours, e.g. `AllowStreamLocalForwarding no`, `MaxSessions 2`. */
  readonly sshdConfig?: readonly string[];
  /** A folder with another release of Debian: its dockerd and sshd run instead of this host's. */
  readonly root?: string | undefined;
  /** Default: dockerd. */
  readonly engine?: 'dockerd' | 'podman' | undefined;
}

const user: VmUser = { name: 'opc', id: 1000 };

/**
 * A VM as docs/getting-started.md asks for, up in about a second: user `opc` in the group `docker`, dockerd with the base image, sshd.
 * Disposing leaves no process, mount, bridge, rule, control group or file behind; a killed test run leaves its folder and empty control groups.
 * @example
 * await using vm = await startRealVm({ sshdConfig: ['MaxSessions 2'] });
 * await vm.docker('run', '--detach', '--name', 'web', baseImage, 'httpd', '-f');
 */
export function startRealVm({
  sshdConfig = [],
  root,
  engine: kind,
}: RealVmOptions = {}): Promise<RealVm> {
  return openAll(async (opened) => {
    const folder = await mkdtemp(join(tmpdir(), 'ondemand-vm-'));
    opened.add(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    await chmod(folder, 0o755); // the SSH user's files are in it
    const home = await createHome(folder);
    const temporaryFolder = join(folder, 'tmp');
    await mkdir(temporaryFolder);
    await chmod(temporaryFolder, 0o1777);
    const cgroup = basename(folder);
    const machine = opened.use(
      await startMachine({
        hostName: 'oci-flex',
        setup: await createAccounts({ folder, home, root }),
        cgroup,
        temporaryFolder,
        ...(root !== undefined && { root: { folder: root, shared: folder } }),
      }),
    );
    const engine = await startEngine({ machine, folder, cgroup, temporaryFolder, kind });
    const importing = importBaseImage(engine, folder);
    const starting = startSshServer({
      machine,
      folder,
      user: user.name,
      sessionEnv: {
        DOCKER_HOST: `unix://${engine.socket}`,
        PATH: vmPath(),
        TMPDIR: temporaryFolder,
        ...lightComposeV1,
      },
      config: sshdConfig,
    });
    // Both have ended before either's failure takes the folder away.
    await Promise.allSettled([importing, starting]);
    const [sshd] = await Promise.all([starting, importing]);

    return {
      env: {
        SSH_HOST: sshd.host,
        SSH_PORT: String(sshd.port),
        SSH_USER: user.name,
        SSH_PRIVATE_KEY_FILE: sshd.userKeyFile,
        SSH_KNOWN_HOSTS_FILE: sshd.knownHostsFile,
        DOCKER_SOCKET: engine.socket,
      },
      dockerSocket: engine.socket,
      composeEnv: {
        PATH: process.env.PATH ?? '',
        HOME: home,
        DOCKER_HOST: `unix://${engine.socket}`,
        TMPDIR: temporaryFolder,
        ...lightComposeV1,
      },
      home,
      user,
      pid: machine.pid,
      docker: engine.docker,
      dockerResult: engine.dockerResult,
      inspect: engine.inspect,
      readLog: engine.readLog,
      engine,
      sshd,
      ssh: (line: string) => run([...sshClient(sshd), line]),
    };
  });
}

async function createHome(folder: string): Promise<string> {
  const home = join(folder, 'home');
  await mkdir(home, { mode: 0o755 });
  await chown(home, user.id, user.id);
  await addComposePlugin(join(home, '.docker'), user.id);
  await addComposePlugin(join(folder, 'owner-docker'), 0);
  return home;
}

/** The machine's own users and groups, in an /etc of its own: a file mounted over one of the host's is gone once that is replaced. A copy of all of it would take longer than the rest of the start. */
async function createAccounts({
  folder,
  home,
  root = '/',
}: {
  folder: string;
  home: string;
  root?: string | undefined;
}): Promise<readonly string[]> {
  const accounts = {
    passwd: [
      'root:x:0:0:root:/root:/bin/bash',
      'sshd:x:102:65534::/run/sshd:/usr/sbin/nologin',
      `${user.name}:x:${user.id}:${user.id}::${home}:/bin/bash`,
    ],
    shadow: ['root:*:19000:0:99999:7:::', `${user.name}:*:19000:0:99999:7:::`],
    group: ['root:x:0:', `docker:x:998:${user.name}`, `${user.name}:x:${user.id}:`],
  };
  const etc = join(folder, 'etc');
  await mkdir(etc);
  for (const [name, lines] of Object.entries(accounts)) {
    await writeFile(join(etc, name), `${lines.join('\n')}\n`);
  }
  for (const entry of await readdir(join(root, 'etc'), { withFileTypes: true })) {
    const { name } = entry;
    if (name in accounts) continue;
    // A link's own target may be relative.
    const target = entry.isSymbolicLink() ? readlink(join(root, 'etc', name)) : `${rest}/${name}`;
    await symlink(await target, join(etc, name));
  }
  return [`mount --rbind /etc ${rest}`, `mount --bind '${etc}' /etc`, 'mkdir -m 755 /run/sshd'];
}

/** Where the machine has what is in /etc without them; all the others there are links to it. */
const rest = '/mnt';

function sshClient(sshd: RealSshServer): readonly string[] {
  const settings = {
    BatchMode: 'yes',
    IdentitiesOnly: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: sshd.knownHostsFile,
  };
  const options = Object.entries(settings).flatMap((pair) => ['-o', pair.join('=')]);
  const target = ['-i', sshd.userKeyFile, '-p', String(sshd.port), `${user.name}@${sshd.host}`];
  return [requireTool('ssh'), '-F', 'none', ...options, ...target];
}

/** The engine's own client before any other that this host has. */
function vmPath(): string {
  const compose = findTool('docker-compose');
  const folders = [dirname(requireTool('docker')), ...(compose ? [dirname(compose)] : [])];
  return [...new Set([...folders, '/usr/bin', '/bin', '/usr/sbin', '/sbin'])].join(delimiter);
}
