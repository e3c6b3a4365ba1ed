// Says, once and in one line, whether a real dockerd and sshd can run here.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';

/** What a real VM is made of, and the Debian package that has it. */
const tools = {
  dockerd: 'docker.io',
  docker: 'docker.io',
  'docker-compose': 'docker-compose',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  iptables: 'iptables',
  ip: 'iproute2',
  busybox: 'busybox-static',
  unshare: 'util-linux',
  nsenter: 'util-linux',
} as const;
export type Tool = keyof typeof tools;

/** The one-line reason why the real-engine tests cannot run here; undefined when they can. */
export function realEngineProblem(): string | undefined {
  if (process.platform !== 'linux') return `they need Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'they need root';
  for (const [tool, debianPackage] of Object.entries(tools)) {
    if (findTool(tool) === undefined) {
      return `${tool} is not installed (Debian: apt-get install ${debianPackage})`;
    }
  }
  // The interpreter that a dynamic program asks for stands near its beginning.
  if (readFileSync(requireTool('busybox')).subarray(0, 4096).includes('/ld-')) {
    return 'busybox is not a static one (Debian: apt-get install busybox-static)';
  }
  const probe = spawnSync('unshare', [...'--pid --net --mount --uts --fork'.split(' '), 'true']);
  return probe.status === 0 ? undefined : 'this root may not create namespaces';
}

/** Debian's own folders first: what apt installed beside the engine fits it better than a newer client from elsewhere. */
export function findTool(tool: string): string | undefined {
  const folders = ['/usr/bin', '/usr/sbin', '/bin', '/sbin'];
  return [...folders, ...(process.env.PATH ?? '').split(delimiter)]
    .map((folder) => join(folder, tool))
    .find((path) => existsSync(path));
}

/** As `findTool`; throws when it is missing. */
export function requireTool(tool: Tool): string {
  const path = findTool(tool);
  if (path === undefined) throw new Error(`${tool} is not installed`);
  return path;
}

/** Tests that need a real engine: run where there can be one, else listed as skipped under a title that says why. */
export function describeRealEngine(name: string, tests: () => void): void {
  const problem = realEngineProblem();
  const title = problem === undefined ? name : `${name} [skipped: real engine, ${problem}]`;
  describe.skipIf(problem !== undefined)(title, tests);
}
