// One open SSH connection and everything bound to it: its channels, their limits, its health.

import type { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { CallOptions, CommandOptions } from '../../adapter-ports.ts';
import { type AppError, isAppError } from '../../app-error.ts';
import { pause, withDeadline } from '../../concurrency/deadline.ts';
import { createLimiter, type Limiter } from '../../concurrency/limiter.ts';
import { closeChannel, createChannelStream } from '../channel/channel-stream.ts';
import { openChannel, toCommandReason, toSocketReason } from '../channel/open-channel.ts';
import { type CommandLine, toKillLine } from '../command/command-line.ts';
import { createCommandStream } from '../command/command-stream.ts';
import {
  type CommandOutput,
  type CommandStart,
  createRemoteCommand,
  graceSeconds,
  type RemoteCommand,
} from '../command/running-command.ts';
import { asRepeatable, type SshReason, toAppError } from '../to-app-error.ts';
import type { Dialed, Peer } from './dial.ts';
import { watchSilence } from './keepalive.ts';

export interface SessionOptions {
  readonly keepaliveMs: number;
  /** Bounds the wait for a slot and for the server's answer together. */
  readonly channelTimeoutMs: number;
  /** From the channel's opening to the beginning of its command: start-up files take their time. */
  readonly startTimeoutMs: number;
  readonly maxCommands: number;
  readonly maxSockets: number;
  /** Of the login, for messages. */
  readonly user: string;
  /** Told when a command was taken and something else ran in its place. */
  readonly onUnfitLogin: () => void;
  /** Told once, before any stream fails. */
  readonly onEnd: (error: AppError) => void;
}

export interface Session {
  readonly peer: Peer;
  /** Channels that are open or being opened. */
  readonly commands: number;
  readonly sockets: number;
  openSocket(path: string, options: CallOptions): Promise<Duplex>;
  openCommand(line: CommandLine, options: CallOptions): Promise<Duplex>;
  startCommand(
    line: CommandLine,
    options: CallOptions & CommandOutput & Pick<CommandOptions, 'isRead'>,
  ): Promise<RemoteCommand>;
  /** Ends the connection once its last channel is closed; nothing more is to be opened. */
  retire(error: AppError): void;
  /** Ends the connection now; open streams and pending calls fail with `error`. */
  end(error: AppError): void;
}

interface ChannelKind<T> {
  readonly limiter: Limiter;
  readonly busy: SshReason;
  /** Places that are left for others. */
  readonly keepFree?: number;
  readonly start: (callback: (error: Error | undefined, channel: ClientChannel) => void) => void;
  readonly toReason: (error: unknown) => SshReason;
  readonly adopt: (channel: ClientChannel) => T;
  readonly abandon?: (channel: ClientChannel) => void;
}

/** Takes over a connection that has just been dialed. */
export function createSession(
  { client, socket, peer, onEnd: onConnectionEnd }: Dialed,
  options: SessionOptions,
): Session {
  const { keepaliveMs, channelTimeoutMs, startTimeoutMs, maxCommands, maxSockets } = options;
  const { user, onUnfitLogin, onEnd } = options;
  const commands = createLimiter(() => maxCommands);
  const sockets = createLimiter(() => maxSockets);
  const failures = new Set<(error: AppError) => void>();
  let ended: AppError | undefined;
  let retired: AppError | undefined;
  /** Channels of commands that never began: sshd keeps those open until what runs there ends. */
  let hung = 0;

  const endWhenIdle = () => {
    const open = failures.size + commands.active - hung + sockets.active;
    if (retired && open <= 0) end(retired);
  };
  const onFailure = (fail: (error: AppError) => void) => {
    failures.add(fail);
    return () => {
      failures.delete(fail);
      endWhenIdle();
    };
  };
  const end = (error: AppError) => {
    if (ended) return;
    ended = error;
    stopWatch();
    onEnd(error);
    commands.fail(error);
    sockets.fail(error);
    // Before ssh2 gets to end the channels: what fails first is an error, not a clean end.
    for (const fail of [...failures]) fail(error);
    client.end();
    socket.destroy();
  };
  const stopWatch = watchSilence(socket, {
    intervalMs: keepaliveMs,
    onSilent: () => end(toAppError('PEER_SILENT')),
  });
  // ssh2 knows that the other side has hung up before it tells.
  const onGone = (cause: unknown) => end(toAppError('CONNECTION_LOST', { cause }));
  onConnectionEnd(onGone);

  const tie = (stream: Duplex) => {
    stream.once(
      'close',
      onFailure((error) => stream.destroy(error)),
    );
    return stream;
  };
  /** Those that sshd let begin: an attempt is none. */
  const sessions = new Set<() => void>();
  const open = <T>(
    { limiter, busy, keepFree = 0, ...channel }: ChannelKind<T>,
    { signal }: CallOptions,
  ) => {
    let queued = true;
    return withDeadline(
      async (inner) => {
        const beganMs = performance.now();
        for (let waitMs = firstRetryMs; ; waitMs *= 2) {
          if (ended) throw ended;
          const release = await limiter.acquire(inner, { keepFree });
          queued = false;
          if (ended) throw ended;
          let isReleased = false;
          try {
            const opened = await openChannel({
              ...channel,
              release: () => {
                isReleased = true;
                sessions.delete(release);
                release();
                endWhenIdle();
              },
              signal: inner,
              onFailure,
              onGone,
            });
            if (limiter === commands && !isReleased) sessions.add(release);
            return opened;
          } catch (error) {
            const isLate = performance.now() - beganMs + waitMs > maxRefusedMs;
            if (!isSessionRefusal(error)) throw error;
            if (isLate)
              throw sessions.size === 0 ? toAppError('NO_SESSIONS', { cause: error.cause }) : error;
          }
          await pause(waitMs, inner);
        }
      },
      {
        timeoutMs: channelTimeoutMs,
        signal,
        onTimeout: () => toAppError(queued ? busy : 'CHANNEL_TIMEOUT'),
      },
    );
  };
  /** A login that runs no command of ours is not asked twice: what is repaired on the VM shows at the next one. */
  const toStart = (channel: ClientChannel, marker: string): CommandStart => ({
    marker,
    user,
    startTimeoutMs,
    onNeverBegan(isHanging) {
      if (isHanging) {
        hung += 1;
        channel.once('close', () => {
          hung -= 1;
        });
      }
      // After the failure itself: the connection may end with this.
      setImmediate(onUnfitLogin);
    },
  });
  const command = <T>(line: string, adopt: (channel: ClientChannel) => T): ChannelKind<T> => ({
    limiter: commands,
    busy: 'COMMANDS_BUSY',
    start: (callback) => client.exec(line, callback),
    toReason: toCommandReason,
    adopt,
  });

  // sshd (OpenSSH up to 9.9) turns Nagle's algorithm off on its side only when a command starts. Without one, every third
  // answer waits 40 ms for an ACK: https://github.com/openssh/openssh-portable/blob/V_9_9_P2/packet.c (ssh_packet_set_interactive)
  let isPrompt = false;
  const makePrompt = () => {
    if (isPrompt) return;
    isPrompt = true;
    open(command('true', closeChannel), {}).catch(() => {}); // slower without it, no worse
  };

  // Bypasses the limiter: sshd allows four sessions more than we use, and the commands to be ended may hold every slot.
  const kill = (pid: number, onRefused: () => void) => {
    try {
      client.exec(toKillLine(pid, graceSeconds), (error, channel) => {
        if (error) return onRefused();
        channel.on('error', () => {});
        channel.resume();
        channel.stderr.resume();
      });
    } catch {
      onRefused();
    }
  };

  return {
    peer,
    get commands() {
      return commands.active;
    },
    get sockets() {
      return sockets.active;
    },
    openSocket: (path, options) =>
      open(
        {
          limiter: sockets,
          busy: 'CHANNELS_BUSY',
          start: (callback) => client.openssh_forwardOutStreamLocal(path, callback),
          toReason: toSocketReason,
          adopt: (channel) => {
            makePrompt();
            return tie(createChannelStream(channel));
          },
        },
        options,
      ).catch((error: unknown) => {
        throw asRepeatable(error);
      }),
    async openCommand({ line, marker }, call) {
      const { begun } = await open(
        command(line, (channel) => {
          const started = createCommandStream(channel, { ...toStart(channel, marker), ...call });
          tie(started.stream);
          return started;
        }),
        call,
      );
      return begun;
    },
    startCommand({ line, marker }, { signal, isRead = false, onOutput }) {
      const adopt = (channel: ClientChannel): RemoteCommand => {
        const start = toStart(channel, marker);
        const { command: started, fail } = createRemoteCommand(channel, {
          ...start,
          onOutput,
          kill,
        });
        const untie = onFailure(fail);
        started.exit.then(untie, untie);
        return started;
      };
      const keepFree = isRead ? keptForChanges : 0;
      // sshd ends nothing when a channel is closed.
      const abandon = (channel: ClientChannel) => adopt(channel).stop();
      return open({ ...command(line, adopt), abandon, keepFree }, { signal });
    },
    retire(error) {
      retired = error;
      endWhenIdle();
    },
    end,
  };
}

/** Command slots that reads leave free: readers must not keep a rebuild from starting. */
const keptForChanges = 2;
const firstRetryMs = 50;
/** A sshd that allows few sessions frees one a moment after its command has ended; who waits for longer wants to hear why. */
const maxRefusedMs = 2500;

/** Nothing was begun then, so it can be asked for again. */
function isSessionRefusal(error: unknown): error is AppError {
  return isAppError(error) && error.details.reason === ('SESSION_REFUSED' satisfies SshReason);
}
