// The process: its streams, signals and exit; nothing else here or elsewhere ends it.

import { setTimeout as sleep } from 'node:timers/promises';
import { runCli } from './cli.ts';
import { exitCodes } from './exit-codes.ts';
import { createUnfinishedWork } from './wait/finish-before-exit.ts';

/** Runs the command line of this process and ends it. */
export async function main(): Promise<never> {
  const { argv, env, stdout, stderr } = process;
  const interrupt = new AbortController();
  const unfinished = createUnfinishedWork();
  let stoppedBy: number | undefined;
  let receive: ((signal: NodeJS.Signals) => void) | undefined;
  for (const [signal, code] of Object.entries(exitCodeOfSignal)) {
    process.on(signal, () => {
      if (receive !== undefined) return receive(signal as NodeJS.Signals); // the names in the table
      const exit = () => process.exit(code);
      if (interrupt.signal.aborted) void unfinished.done().then(exit);
      else setTimeout(exit, stopWithinMs).unref();
      stoppedBy ??= code;
      interrupt.abort();
    });
  }

  let outputFailure: NodeJS.ErrnoException | undefined;
  for (const stream of [stdout, stderr]) {
    // A reader that has gone, as `head` does, is no failure: what was asked for goes on unseen.
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') outputFailure ??= error;
    });
  }

  const ended = await runCli({
    argv: argv.slice(2),
    env,
    streams: {
      get stdin() {
        return process.stdin;
      },
      stdout,
      stderr,
    },
    signal: interrupt.signal,
    unfinished,
    passSignals(receiver) {
      receive = receiver;
      process.on('SIGQUIT', receiver);
      return {
        [Symbol.dispose]() {
          receive = undefined;
          process.off('SIGQUIT', receiver);
        },
      };
    },
  });
  const exitCode = ended === exitCodes.interrupted ? (stoppedBy ?? ended) : ended;
  await Promise.race([
    Promise.all([stdout, stderr].map((stream) => new Promise((done) => stream.write('', done)))),
    // After an interrupt, do not wait for a reader that has stalled.
    ...(interrupt.signal.aborted ? [sleep(interruptedFlushMs)] : []),
  ]);
  if (outputFailure !== undefined) {
    stderr.write(
      `ondemand: The output could not be written (${outputFailure.code}); look at its target\n`,
    );
  }
  process.exit(outputFailure === undefined ? exitCode : exitCode || exitCodes.failed);
}

const interruptedFlushMs = 500;
const exitCodeOfSignal = { SIGINT: exitCodes.interrupted, SIGTERM: 143, SIGHUP: 129 }; // as a shell names a death by signal
const stopWithinMs = 10_000;
