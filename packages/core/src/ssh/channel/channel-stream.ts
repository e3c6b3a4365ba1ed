// ssh2's channels end cleanly whatever happened to them and lack half of a socket: this gives node:http a stream it can trust.

import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';

/** How a command's channel was closed: `null` with a signal's name, `undefined` when the other side did not say. */
export type ChannelExit = readonly [code?: number | null, signal?: string];

export interface ChannelStreamOptions {
  /**
   * Asked once the channel is closed on both sides, before its end is passed on; an error turns that end into a failure.
   * Without it the end is passed on as soon as the other side has sent everything.
   */
  readonly judgeEnd?: (exit: ChannelExit) => Error | undefined;
  /** Takes what the channel brings and passes on what of it belongs to the stream. */
  readonly filter?: (pass: (chunk: Buffer) => void) => (chunk: Buffer) => void;
}

/** A command that has closed its output and still runs after this long is given up. */
const exitTimeoutMs = 2_000;

/**
 * The channel as a socket-like stream: ends both ways when either side ends, and closes the channel on both sides when it is destroyed.
 * `destroy(error)` is how a lost connection shows; it is never a clean end. Nothing is lost when this is called while the channel opens.
 */
export function createChannelStream(
  channel: ClientChannel,
  { judgeEnd, filter = (pass) => pass }: ChannelStreamOptions = {},
): Duplex {
  const stream = new Duplex({
    allowHalfOpen: false,
    read: () => {
      channel.resume();
    },
    write: (chunk, encoding, callback) => {
      channel.write(chunk, encoding, callback);
    },
    final: (callback) => {
      channel.end();
      callback();
    },
    destroy: (error, callback) => {
      closeChannel(channel);
      callback(error);
    },
  });
  const end = () => {
    if (stream.destroyed) return;
    stream.push(null);
    // As a socket does: lets an idle stream in a pool notice its end without a reader.
    stream.read(0);
  };

  const pass = (chunk: Buffer) => {
    if (!stream.destroyed && !stream.push(chunk)) channel.pause();
  };
  channel.on('data', filter(pass));
  channel.on('end', () => {
    if (judgeEnd === undefined) return end();
    // A channel closes only when our side ends too.
    channel.end();
    const timer = setTimeout(() => channel.close(), exitTimeoutMs);
    channel.once('close', () => clearTimeout(timer));
    stream.once('close', () => clearTimeout(timer));
  });
  channel.on('close', (...exit: ChannelExit) => {
    const problem = judgeEnd?.(exit);
    if (problem === undefined) end();
    else stream.destroy(problem);
  });
  channel.on('error', (error: Error) => stream.destroy(error));
  // Users of the stream get its errors as well; the error of an unused one must not end the process.
  stream.on('error', () => {});
  channel.stderr.resume();
  return Object.assign(stream, socketMethods(stream));
}

/** Ends and closes our side, and reads what is still under way: without that a channel is never done with. */
export function closeChannel(channel: ClientChannel): void {
  channel.end();
  channel.close();
  channel.resume();
  channel.stderr.resume();
}

// The connection below has its own keepalive and no-delay socket; time limits belong to the requests.
function socketMethods(stream: Duplex) {
  const same = () => stream;
  return { setKeepAlive: same, setNoDelay: same, setTimeout: same, ref: same, unref: same };
}
