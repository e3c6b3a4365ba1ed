// Opens a channel, whose confirmation may come late or never; its slot is released only when the channel is really closed.

import type { ClientChannel } from 'ssh2';
import type { AppError } from '../../app-error.ts';
import { type SshReason, toAppError } from '../to-app-error.ts';
import { closeChannel } from './channel-stream.ts';
import { ChannelRefusedError } from './channels.ts';

export interface OpenChannelOptions<T> {
  readonly start: (callback: (error: Error | undefined, channel: ClientChannel) => void) => void;
  /** Called in the very moment the channel opens, so that nothing it brings is missed. */
  readonly adopt: (channel: ClientChannel) => T;
  /** Called in its place once nobody waits any more; closes the channel unless told otherwise. */
  readonly abandon?: ((channel: ClientChannel) => void) | undefined;
  readonly toReason: (error: unknown) => SshReason;
  /** Releases this channel's slot. */
  readonly release: () => void;
  readonly signal: AbortSignal;
  /** Registers what to do when the connection ends; returns what takes it off again. */
  readonly onFailure: (fail: (error: AppError) => void) => () => void;
  /** Told when ssh2 refuses to open anything more; has to fail what is registered. */
  readonly onGone: (cause: unknown) => void;
}

/** Rejects with `SERVICE_UNAVAILABLE`, or the signal's reason; a channel that opens after that is abandoned at once. */
export function openChannel<T>({
  start,
  adopt,
  abandon = closeChannel,
  toReason,
  release,
  signal,
  onFailure,
  onGone,
}: OpenChannelOptions<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      release();
      reject(signal.reason);
      return;
    }
    let waiting = true;
    const giveUp = (reason: unknown) => {
      waiting = false;
      untie();
      signal.removeEventListener('abort', onAbort);
      reject(reason);
    };
    const onAbort = () => giveUp(signal.reason);
    const untie = onFailure(giveUp);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      start((error, channel) => {
        if (error) {
          release();
          if (waiting) giveUp(toRefusal(error, toReason(error)));
          return;
        }
        channel.once('close', release);
        channel.on('error', () => {});
        if (!waiting) return abandon(channel);
        untie();
        signal.removeEventListener('abort', onAbort);
        resolve(adopt(channel));
      });
    } catch (cause) {
      release();
      onGone(cause);
    }
  });
}

/** What a refused socket channel means; sshd says the same of a missing socket and of forwarding switched off. */
export function toSocketReason(error: unknown): SshReason {
  const code = readCode(error);
  if (code === 1) return 'FORWARDING_REFUSED';
  if (code === 3) return 'FORWARDING_UNSUPPORTED';
  return code === undefined ? 'CONNECTION_LOST' : 'SOCKET_REFUSED';
}

/** What a refused command means: no further session, or no running of this one. */
export function toCommandReason(error: unknown): SshReason {
  if (readCode(error) !== undefined) return 'SESSION_REFUSED';
  return error instanceof Error && error.message === 'Unable to exec'
    ? 'COMMAND_REFUSED'
    : 'CONNECTION_LOST';
}

function toRefusal(error: Error, reason: SshReason): AppError {
  const answer = new ChannelRefusedError(error.message, {
    openFailure: readCode(error),
    cause: error,
  });
  return toAppError(reason, { cause: reason === 'CONNECTION_LOST' ? error : answer });
}

// RFC 4254 section 5.1: 1 prohibited, 2 connect failed, 3 unknown channel type, 4 resource shortage.
function readCode(error: unknown): number | undefined {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'number'
    ? error.reason
    : undefined;
}
