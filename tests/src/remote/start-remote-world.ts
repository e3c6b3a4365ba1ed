// A real VM with a real engine, the API before it, and the command line of a user whose own ssh leads there.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireTool } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { openAll } from '../support/disposer.ts';
import { type RunOptions, type RunResult, run } from '../support/run.ts';
import { type App, startAppHere } from '../support/start-sandbox-and-api.ts';
import { type SshGate, startSshGate } from './sshd-in-vm-network.ts';

export interface RemoteWorld extends AsyncDisposable {
  readonly app: App;
  readonly vm: RealVm;
  readonly gate: SshGate;
  /** Of the user, with nothing of this host's own settings. */
  readonly env: Readonly<Record<string, string>>;
  /** The user's own, for files. */
  readonly folder: string;
  /** `ondemand`, with the user's key where a command takes one. */
  ondemand(args: readonly string[], options?: Pick<RunOptions, 'input'>): Promise<RunResult>;
  start(args: readonly string[]): ChildProcess;
  /** Any other command of the user. */
  run(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<RunResult>;
}

const bin = fileURLToPath(new URL('../../../apps/cli/bin/ondemand.js', import.meta.url));
const usesSsh = new Set(['ssh', 'exec', 'cp', 'port-forward']);

/** Disposing also fails when a command left a file of its own behind. */
export function startRemoteWorld(): Promise<RemoteWorld> {
  return openAll(async (opened) => {
    const vm = opened.use(await startRealVm());
    const gate = opened.use(await startSshGate(vm));
    const { SSH_KNOWN_HOSTS_FILE: _, ...vmEnv } = vm.env;
    const app = opened.use(
      await startAppHere({
        env: {
          ...vmEnv,
          SSH_PORT: String(gate.port),
          SSH_HOST_KEY_FINGERPRINT: vm.sshd.hostKeyFingerprint,
        },
      }),
    );
    const folder = await mkdtemp(join(tmpdir(), 'ondemand-remote-'));
    opened.add(() => rm(folder, { recursive: true, force: true }));
    const [commands, temporary] = [join(folder, 'bin'), join(folder, 'tmp')];
    await Promise.all([commands, temporary].map((path) => mkdir(path)));
    opened.add(async () => {
      const left = await readdir(temporary);
      if (left.length > 0) throw new Error(`Commands left ${left.join(', ')} behind`);
    });
    // ssh takes its settings from the home in /etc/passwd, whatever HOME says.
    const ssh = `#!/bin/sh\nexec ${requireTool('ssh')} -F "\${SSH_TEST_CONFIG:-none}" "$@"\n`;
    await writeFile(join(commands, 'ssh'), ssh);
    await chmod(join(commands, 'ssh'), 0o755);
    const env = {
      PATH: [commands, '/usr/bin', '/bin'].join(delimiter),
      TMPDIR: temporary,
      HOME: folder,
      XDG_CONFIG_HOME: join(folder, 'a config'),
      ONDEMAND_URL: app.url,
      ONDEMAND_TOKEN: app.tokens.admin,
    };
    const argv = ([command = '', ...args]: readonly string[]): string[] => {
      const mine = usesSsh.has(command)
        ? ['--user', vm.user.name, '-i', vm.sshd.userKeyFile, '-o', 'IdentitiesOnly=yes']
        : [];
      return [process.execPath, bin, command, ...mine, ...args];
    };
    return {
      app,
      vm,
      gate,
      env,
      folder,
      ondemand: (args: readonly string[], options: Pick<RunOptions, 'input'> = {}) =>
        run(argv(args), { env, cwd: folder, ...options }),
      start(args: readonly string[]) {
        const [command = '', ...rest] = argv(args);
        return spawn(command, rest, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
      },
      run: (command: readonly string[], more: Readonly<Record<string, string>> = {}) =>
        run(command, { env: { ...env, ...more }, cwd: folder }),
    };
  });
}
