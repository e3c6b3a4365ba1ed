// A command on the VM whose stdin and stdout serve as one stream, from where its own output begins.

import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { CallOptions } from '../../adapter-ports.ts';
import { createChannelStream } from '../channel/channel-stream.ts';
import { judgeStreamEnd, toExitCode } from './command-end.ts';
import { createPreambleFilter } from './command-line.ts';
import type { CommandStart } from './running-command.ts';
import { toShellError, toShellTimeoutError } from './shell-failure.ts';

const stderrLimit = 4_096;

/**
 * Takes over a channel on which a command of `toStreamLine` has just been started.
 * `begun` resolves with the stream once the command runs; it rejects, and the stream is closed, with `SERVICE_UNAVAILABLE` when something else ran in its place, and with the signal's reason.
 */
export function createCommandStream(
  channel: ClientChannel,
  { marker, user, startTimeoutMs, onNeverBegan, signal }: CommandStart & CallOptions,
): { readonly stream: Duplex; readonly begun: Promise<Duplex> } {
  let answered = false;
  let stderr = '';
  let onBegin = () => {};
  const errors = createPreambleFilter({
    marker,
    onOutput: (chunk) => {
      if (!answered) stderr = `${stderr}${chunk}`.slice(0, stderrLimit);
    },
  });
  let output: ReturnType<typeof createPreambleFilter> | undefined;
  channel.stderr.on('data', errors.add);
  const stream = createChannelStream(channel, {
    filter(pass) {
      const onOutput = (chunk: Buffer) => {
        answered = true;
        pass(chunk);
      };
      output = createPreambleFilter({ marker, onOutput, onBegin: () => onBegin() });
      return output.add;
    },
    judgeEnd(exit) {
      const exitCode = toExitCode(exit);
      if (output?.begun || exitCode === undefined) {
        return judgeStreamEnd({ exit, answered, stderr });
      }
      onNeverBegan(false);
      return toShellError({ user, exitCode, said: `${output?.said}\n${errors.said}` });
    },
  });
  const begun = new Promise<Duplex>((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      stream.off('close', onClose);
    };
    onBegin = () => {
      settle();
      resolve(stream);
    };
    const giveUp = (reason: Error) => {
      settle();
      stream.destroy();
      reject(reason);
    };
    const onAbort = () => giveUp(signal?.reason);
    const onClose = () => giveUp(stream.errored ?? new Error('The stream was closed'));
    const timer = setTimeout(() => {
      onNeverBegan(true);
      giveUp(toShellTimeoutError(user, startTimeoutMs));
    }, startTimeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    stream.once('close', onClose);
  });
  // Aborted while the channel opened.
  begun.catch(() => {});
  return { stream, begun };
}
