// Runs the built command as its users do: a process of its own, without a terminal.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface BinResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface BinOptions {
  /** Where the API is; with it comes a token. */
  readonly url?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

export const token = 'secret-token';

/** Ends with the process; one that outlives its time is killed and fails the test. */
export async function runBin(
  args: readonly string[],
  options: BinOptions = {},
): Promise<BinResult> {
  const child = startBin(args, options);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const exitCode = await exitOf(child);
  return { exitCode, stdout: stdout(), stderr: stderr() };
}

export function startBin(
  args: readonly string[],
  { url, env = {}, timeoutMs = 120_000 }: BinOptions,
) {
  return spawn(process.execPath, [binPath, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      TZ: 'UTC', // times are printed in the local one
      XDG_CONFIG_HOME: '/nonexistent', // the developer's own logins are none of a test's business
      ...(url !== undefined && { ONDEMAND_URL: url, ONDEMAND_TOKEN: token }),
      ...env,
    },
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
}

export function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

export const binPath = fileURLToPath(new URL('../../bin/ondemand.js', import.meta.url));

/** Reads the stream to its end; what came so far is there at any time. */
export function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}
