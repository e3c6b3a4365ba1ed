// An http.Agent whose connections are channels of the SSH connection.

import { Agent, type ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CallOptions } from '../../adapter-ports.ts';
import { type ChannelRequest, LostAnswerError } from './http-request.ts';

export interface ChannelAgentOptions {
  readonly open: (options: CallOptions) => Promise<Duplex>;
  /** Idle channels that are kept for the next request; 0 closes each after its answer. */
  readonly maxIdle: number;
}

/**
 * Builds an agent that opens a channel when no idle one is available.
 * It has no bound of its own: Node counts a connection only once it is open, so the caller limits its requests.
 */
export function createChannelAgent({ open, maxIdle }: ChannelAgentOptions): Agent {
  const agent = new Agent({ keepAlive: maxIdle > 0, maxFreeSockets: Math.max(1, maxIdle) });
  return Object.assign(agent, {
    createConnection(
      options: ClientRequestArgs & ChannelRequest,
      callback?: (error: Error | null, channel: Duplex) => void,
    ): undefined {
      // Node takes an error without a stream; its type asks for both.
      const fail = (error: Error) => callback?.(error, undefined as unknown as Duplex);
      open({ signal: options.openSignal }).then(
        (channel) => {
          if (options.openSignal?.aborted) channel.destroy();
          // Node would wait for events that have passed.
          if (isOver(channel))
            fail(new LostAnswerError('cut', { cause: channel.errored ?? undefined }));
          else callback?.(null, toSocketLike(channel));
        },
        (error: unknown) => fail(toError(error)),
      );
    },
  });
}

/** Closes the channels that no request uses. */
export function dropIdle(agent: Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

/** It may have begun and ended in one packet, as a command does that fails at once. */
function isOver(channel: Duplex): boolean {
  return channel.destroyed || channel.readableEnded;
}

/** The agent calls methods that only a net.Socket has; and a channel closes only when both sides have ended. */
function toSocketLike(channel: Duplex): Duplex {
  for (const method of ['setKeepAlive', 'setNoDelay', 'setTimeout', 'ref', 'unref']) {
    if (!(method in channel)) Object.assign(channel, { [method]: () => channel });
  }
  channel.once('end', () => channel.end());
  return channel;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error('The channel did not open', { cause: error });
}
