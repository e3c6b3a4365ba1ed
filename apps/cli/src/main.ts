// The process: its streams, signals and exit; nothing else here or elsewhere ends it.

import { setTimeout as sleep } from 'node:timers/promises';
import { runCli } from './cli.ts';
import { exitCodes } from './exit-codes.ts';

const interruptedFlushMs = 500;
const { argv, env, stdin, stdout, stderr } = process;

const interrupt = new AbortController();
process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(exitCodes.interrupted);
  interrupt.abort();
});

let outputFailure: NodeJS.ErrnoException | undefined;
for (const stream of [stdout, stderr]) {
  // A reader that has gone, as `head` does, is no failure: what was asked for goes on unseen.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') outputFailure ??= error;
  });
}

const exitCode = await runCli({
  argv: argv.slice(2),
  env,
  streams: { stdin, stdout, stderr },
  signal: interrupt.signal,
});
await Promise.race([
  Promise.all([stdout, stderr].map((stream) => new Promise((done) => stream.write('', done)))),
  // Whoever has had enough does not wait for a reader that stands still.
  ...(interrupt.signal.aborted ? [sleep(interruptedFlushMs)] : []),
]);
if (outputFailure !== undefined) {
  stderr.write(
    `ondemand: The output could not be written (${outputFailure.code}); look at its target\n`,
  );
}
process.exit(outputFailure === undefined ? exitCode : exitCode || exitCodes.failed);
