// The API as it is really run: its own process, told everything by its environment.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findFreePort } from '@ondemand/sandbox';
import { until } from './until.ts';

export interface Server extends AsyncDisposable {
  readonly url: string;
  /** All that it wrote so far, to stdout and to stderr. */
  output(): string;
  /** What it logged so far: each whole line of stdout that is JSON. */
  logs(): readonly Record<string, unknown>[];
}

export interface ServerProcess extends Server {
  readonly pid: number;
  /** Ends it as an orchestrator would; resolves with its exit code, rejects when it needs more than `timeoutMs`. */
  stop(options?: { readonly timeoutMs?: number }): Promise<number>;
  /** Ends it at once and without a word, as a machine that dies would. */
  kill(): Promise<void>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What each server of the tests is told first. */
export const baseEnvironment = {
  HOST: '127.0.0.1',
  // A test asks more in a minute than anyone may.
  RATE_LIMIT_PER_MINUTE: '0',
  // What stands for OCI and the VM is as slow as a busy machine makes it.
  OCI_TIMEOUT_SECONDS: '60',
  SSH_CONNECT_TIMEOUT_SECONDS: '60',
} as const;

const bin = fileURLToPath(
  new URL('../../../packages/server/bin/ondemand-server.js', import.meta.url),
);

/**
 * Resolves once it answers; rejects with its output when it ends instead. Runs this workspace's server unless `argv` names another.
 * It inherits nothing but PATH. Disposing fails unless it exits with 0 and without a process warning.
 */
export async function startServer(
  env: Environment,
  argv: readonly [string, ...string[]] = [process.execPath, bin],
): Promise<ServerProcess> {
  const port = await findFreePort();
  const [command, ...args] = argv;
  const child = spawn(command, args, {
    env: {
      PATH: process.env.PATH,
      // Nothing of the developer's own may reach it: ~/.oci/config, ~/.ssh/known_hosts.
      HOME: '/nonexistent',
      ...baseEnvironment,
      PORT: String(port),
      ...env,
    },
    // The fourth is a channel on which it says when it listens.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const exited = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  });
  let exitCode: number | undefined;
  exited.then(
    (code) => {
      exitCode = code;
    },
    () => {
      exitCode = -1;
    },
  );
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
    });
  }
  const output = (): string => written.stdout + written.stderr;
  let isListening = false;
  child.once('message', () => {
    isListening = true;
  });
  // What it warns of at start comes before this line, through a pipe that is slower than the message.
  const isLogged = () =>
    /^(?:warn|error|fatal|silent)$/.test(env.LOG_LEVEL ?? '') ||
    written.stdout.includes('"msg":"listening"');
  try {
    const hasStarted = () => (isListening && isLogged()) || exitCode !== undefined;
    await until('the server to listen', hasStarted);
    if (!isListening) throw new Error(`The server ended with ${exitCode}`);
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`The server did not start; it wrote:\n${output()}`, { cause: error });
  }

  const stop: ServerProcess['stop'] = async ({ timeoutMs = 120_000 } = {}) => {
    child.kill('SIGTERM');
    try {
      await until('the server to exit after SIGTERM', () => exitCode !== undefined, { timeoutMs });
    } catch (error) {
      child.kill('SIGKILL');
      throw new Error(`The server does not stop; it wrote:\n${output()}`, { cause: error });
    }
    return exited;
  };
  let isKilled = false;
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    output,
    logs: () => parseLines(written.stdout),
    stop,
    async kill() {
      isKilled = true;
      child.kill('SIGKILL');
      await exited;
    },
    async [Symbol.asyncDispose]() {
      if (isKilled) return;
      const code = await stop();
      if (code !== 0) throw new Error(`The server exited with ${code}; it wrote:\n${output()}`);
      if (/^\(node:\d+\) .*Warning/m.test(written.stderr)) {
        throw new Error(`The server's process was warned:\n${written.stderr}`);
      }
    },
  };
}

export function parseLines(text: string): readonly Record<string, unknown>[] {
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Record<string, unknown>]; // pino writes one object a line
    } catch {
      return [];
    }
  });
}
