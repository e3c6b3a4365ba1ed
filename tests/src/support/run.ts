// Runs a command to its end, so that no test leaves a process behind.

import { spawn } from 'node:child_process';

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string | Buffer;
  readonly timeoutMs?: number;
}

export interface RunResult {
  /** 128 + the signal's number is not told apart: a killed command has exit code -1. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Resolves with what the command did, whatever its exit code; rejects when it cannot start or is killed at `timeoutMs`. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [command = '', ...args] = argv;
  const { env = process.env, cwd, input = '', timeoutMs = 180_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...env }, ...(cwd && { cwd }) });
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      const result = { exitCode: code ?? -1, stdout: stdout(), stderr: stderr() };
      if (timedOut) reject(failure(argv, `still ran after ${timeoutMs} ms`, result));
      else resolve(result);
    });
    child.stdin.on('error', () => {}); // it may end without reading its input
    child.stdin.end(input);
  });
}

/** Resolves with stdout; rejects with both outputs unless the command exits with 0. */
export async function runOk(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(argv, options);
  if (result.exitCode !== 0) throw failure(argv, `exited with ${result.exitCode}`, result);
  return result.stdout;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}

function failure(argv: readonly string[], what: string, { stdout, stderr }: RunResult): Error {
  return new Error(`\`${argv.join(' ')}\` ${what}\n${stdout}${stderr}`.trimEnd());
}
