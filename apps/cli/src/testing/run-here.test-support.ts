// Runs the command line in this process, without a terminal: for tests that are not about the process.

import { PassThrough } from 'node:stream';
import { runCli } from '../cli.ts';
import type { Streams } from '../output/output.ts';
import { type BinOptions, type BinResult, collect, token } from './run-bin.test-support.ts';

/** As `runBin`, at a tenth of what a process costs; `input` is all of its standard input, and times are in the zone of this process. */
export async function runHere(
  argv: readonly string[],
  { url, env = {}, input }: Omit<BinOptions, 'timeoutMs'> & { readonly input?: string } = {},
): Promise<BinResult> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const [readStdout, readStderr] = [collect(stdout), collect(stderr)];
  stdin.end(input);
  const exitCode = await runCli({
    argv,
    env: {
      PATH: process.env.PATH,
      XDG_CONFIG_HOME: '/nonexistent', // the developer's own logins are none of a test's business
      ...(url !== undefined && { ONDEMAND_URL: url, ONDEMAND_TOKEN: token }),
      ...env,
    },
    // The CLI asks streams that are no terminal for nothing else.
    streams: { stdin, stdout, stderr } as unknown as Streams,
    signal: new AbortController().signal,
  });
  return { exitCode, stdout: readStdout(), stderr: readStderr() };
}
