// Streams that say they are a terminal, for what only shows in one: questions, colours, spinners.

import { PassThrough } from 'node:stream';
import { runCli } from '../cli.ts';
import type { Streams } from '../output/output.ts';
import { collect, token } from './run-bin.test-support.ts';

export interface TerminalRun {
  readonly exitCode: Promise<number>;
  readonly stdin: PassThrough;
  /** What the terminal got so far. */
  stdout(): string;
  stderr(): string;
  /** Both, in the order they came. */
  screen(): string;
  /** The person makes the window so many columns wide. */
  resize(columns: number): void;
}

export interface TerminalOptions {
  readonly url: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The CLI in this process, with a terminal on all three streams. */
export function runInTerminal(
  argv: readonly string[],
  { url, env = {}, signal = new AbortController().signal }: TerminalOptions,
): TerminalRun {
  const stdin = new PassThrough();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [readStdout, readStderr] = [collect(stdout), collect(stderr)];
  const both = new PassThrough();
  const screen = collect(both);
  for (const stream of [stdout, stderr]) stream.pipe(both);
  const exitCode = runCli({
    argv,
    env: { XDG_CONFIG_HOME: '/nonexistent', ONDEMAND_URL: url, ONDEMAND_TOKEN: token, ...env },
    streams: asTerminal({ stdin, stdout, stderr }),
    signal,
  });
  const resize = (columns: number): void => {
    Object.assign(stdout, { columns }).emit('resize');
  };
  return { exitCode, stdin, stdout: readStdout, stderr: readStderr, screen, resize };
}

/** The CLI asks its streams for nothing but what is here. */
export function asTerminal(streams: Record<keyof Streams, PassThrough>): Streams {
  for (const stream of Object.values(streams)) Object.assign(stream, { isTTY: true, columns: 80 });
  return streams as unknown as Streams;
}
