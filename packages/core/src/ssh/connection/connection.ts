// The one SSH connection to the VM that everything shares: opened on first use, reopened when lost, never dialed in a tight loop.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { CallOptions, CommandOptions, Link } from '../../adapter-ports.ts';
import { AppError, isAppError } from '../../app-error.ts';
import type { VmAddress } from '../../model/vm.ts';
import type { Channels } from '../channel/channels.ts';
import { toCommandLine, toStreamLine } from '../command/command-line.ts';
import type { CommandOutput, RemoteCommand } from '../command/running-command.ts';
import { type CredentialOptions, createCredentials } from '../login/credentials.ts';
import { createHostKeyCheck, type HostKeyOptions } from '../login/host-key.ts';
import { isLoginRefusal } from '../login/login-failure.ts';
import { toAppError } from '../to-app-error.ts';
import { connectOnce, createSharedAttempt, type SharedAttempt } from './attempt.ts';
import { createBackoff } from './backoff.ts';
import type { Dialed } from './dial.ts';
import { createSession, type Session } from './established-connection.ts';

/** What happens to the connection, for logs and metrics; `error.details.reason` names why. */
export type SshEvent =
  | { readonly type: 'connected'; readonly generation: number; readonly durationMs: number }
  | {
      readonly type: 'failed';
      readonly error: AppError;
      readonly durationMs: number;
      readonly retryAfterMs: number;
    }
  | { readonly type: 'lost'; readonly error: AppError; readonly livedMs: number };

export interface SshConnectionOptions extends CredentialOptions, HostKeyOptions {
  /** Asked at every attempt, so a new address is found by itself; its `AppError` reaches the callers as it is. */
  readonly resolveHost: (options: { readonly signal: AbortSignal }) => Promise<string>;
  readonly port: number;
  readonly username: string;
  readonly connectTimeoutMs?: number;
  /** A peer that is silent for three and a half times this long is given up; four, with what the noticing takes. */
  readonly keepaliveMs?: number;
  /** For a channel to open, the wait for a slot included; `connectTimeoutMs` if left out. */
  readonly channelTimeoutMs?: number;
  /** From there to the beginning of its command, which the user's start-up files delay. */
  readonly startTimeoutMs?: number;
  readonly maxCommands?: number;
  readonly maxSockets?: number;
  /** Milliseconds that never go back. */
  readonly nowMs?: () => number;
  readonly random?: () => number;
  readonly onEvent?: (event: SshEvent) => void;
}

export interface ExecOptions extends CallOptions, CommandOutput, Pick<CommandOptions, 'isRead'> {
  readonly env?: Readonly<Record<string, string>>;
}

export interface SshConnection extends Link, Channels, AsyncDisposable {
  /** Channels that are open or being opened. */
  readonly channels: { readonly commands: number; readonly sockets: number };
  /** Lets the next use dial at once, though the last attempt has just failed; for one who asks at a pace of its own. A refused login is waited out all the same. */
  hurry(): void;
  /** Where the VM is reached and the host key that was accepted, of the connection that is open, or is opened for this. */
  address(options?: CallOptions): Promise<VmAddress>;
  /** Starts a command with no input, its stdout and stderr as one output in the order they came; the signal ends the wait for its start, not the command. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<RemoteCommand>;
}

/** A repair on the VM should take effect soon, without a login for each call until then. */
const renewAfterMs = 5_000;

/**
 * Builds the connection; nothing is dialed before the first call.
 * Callers share one attempt; between attempts they fail at once with the last reason and `details.retryAfterSeconds`. Every failure is `SERVICE_UNAVAILABLE`, but for a resolver's own `AppError` and a caller's own abort.
 *
 * @example
 * await using connection = createSshConnection({
 *   resolveHost: async () => '203.0.113.7', port: 22, username: 'opc',
 *   privateKeyFile: 'id_ed25519', hostKeyFingerprint: 'SHA256:…',
 * });
 * const socket = await connection.openSocket('/var/run/docker.sock');
 */
export function createSshConnection(options: SshConnectionOptions): SshConnection {
  const { nowMs = () => performance.now(), random = Math.random, onEvent = () => {} } = options;
  const settings = { connectTimeoutMs: 10_000, keepaliveMs: 5_000, ...defined(options) };
  const openSockets = new Set<Socket>();
  const credentials = createCredentials(options);
  const hostKeyCheck = createHostKeyCheck(options);
  const backoff = createBackoff({ nowMs, random });

  let generation = 0;
  /** Of connections that have ended. */
  let receivedBefore = 0;
  let session: Session | undefined;
  let connectedAtMs = 0;
  /** Sessions that only wait for the end of what is open on them. */
  const retired = new Set<Session>();
  let attempt: { shared: SharedAttempt<Session>; controller: AbortController } | undefined;
  let lastFailure: AppError | undefined;
  let closed = false;

  const onSocket = (socket: Socket) => {
    openSockets.add(socket);
    socket.once('close', () => {
      openSockets.delete(socket);
      receivedBefore += socket.bytesRead;
    });
  };

  const adopt = (dialed: Dialed, durationMs: number) => {
    connectedAtMs = nowMs();
    const adoptedAtMs = connectedAtMs;
    generation += 1;
    onEvent({ type: 'connected', generation, durationMs });
    let ended = false;
    let own: Session | undefined;
    const adopted = createSession(dialed, {
      keepaliveMs: settings.keepaliveMs,
      channelTimeoutMs: options.channelTimeoutMs ?? settings.connectTimeoutMs,
      startTimeoutMs: options.startTimeoutMs ?? 8_000,
      user: options.username,
      maxCommands: options.maxCommands ?? 6,
      maxSockets: options.maxSockets ?? 256,
      onUnfitLogin: renew,
      onEnd(error) {
        if (own !== undefined && retired.delete(own)) return;
        // It may have ended before it was adopted, within the very packet that completed the login.
        ended = true;
        session = undefined;
        const livedMs = nowMs() - adoptedAtMs;
        backoff.lost({ livedMs });
        lastFailure = toAppError('CONNECTION_UNSTABLE', { cause: error });
        onEvent({ type: 'lost', error, livedMs });
      },
    });
    own = adopted;
    if (!ended) session = adopted;
    return adopted;
  };

  const renew = () => {
    if (session === undefined || nowMs() - connectedAtMs < renewAfterMs) return;
    const old = session;
    session = undefined;
    retired.add(old);
    old.retire(toAppError('CONNECTION_LOST'));
  };

  const startAttempt = () => {
    const startedAtMs = nowMs();
    const shared = createSharedAttempt<Session>();
    const controller = new AbortController();
    const started = { shared, controller };
    attempt = started;
    connectOnce(
      { ...options, ...settings, credentials, hostKeyCheck, onSocket },
      controller.signal,
    ).then(
      (dialed) => {
        if (attempt !== started) return void dialed.socket.destroy();
        attempt = undefined;
        shared.succeed(adopt(dialed, nowMs() - startedAtMs));
      },
      (error: AppError) => {
        if (attempt !== started) return;
        attempt = undefined;
        backoff.failed({ startedAtMs, loginRefused: isLoginRefusal(error.details.reason) });
        lastFailure = error;
        const durationMs = nowMs() - startedAtMs;
        onEvent({ type: 'failed', error, durationMs, retryAfterMs: backoff.remainingMs() });
        shared.fail(withRetryAfter(error, backoff.remainingMs()));
      },
    );
    return started;
  };

  const ready = async (signal: AbortSignal | undefined): Promise<Session> => {
    signal?.throwIfAborted();
    if (closed) throw toAppError('CONNECTION_CLOSED');
    if (session) return session;
    const waitMs = backoff.remainingMs();
    if (!attempt && lastFailure && waitMs > 0) throw withRetryAfter(lastFailure, waitMs);
    return (attempt ?? startAttempt()).shared.wait(signal);
  };

  const endAll = (error: AppError) => {
    const current = attempt;
    attempt = undefined;
    current?.controller.abort(error);
    current?.shared.fail(error);
    session?.end(error);
    for (const each of [...retired]) each.end(error);
    backoff.reset();
    lastFailure = undefined;
  };

  return {
    get connected() {
      return session !== undefined;
    },
    get generation() {
      return generation;
    },
    get receivedBytes() {
      return [...openSockets].reduce((sum, { bytesRead }) => sum + bytesRead, receivedBefore);
    },
    get channels() {
      return { commands: session?.commands ?? 0, sockets: session?.sockets ?? 0 };
    },
    async openSocket(path, call = {}) {
      return (await ready(call.signal)).openSocket(path, call);
    },
    async openCommand(argv, call = {}) {
      const line = toStreamLine(argv, { marker: randomUUID() });
      return (await ready(call.signal)).openCommand(line, call);
    },
    async exec(argv, { env = {}, ...call } = {}) {
      const line = toCommandLine(argv, { env, marker: randomUUID() });
      return (await ready(call.signal)).startCommand(line, call);
    },
    renew,
    hurry: backoff.hurry,
    async address({ signal } = {}) {
      const { host, hostKey } = (await ready(signal)).peer;
      const { port, username: user } = options;
      return { host, port, user, hostKeys: [hostKey] };
    },
    drop(reason) {
      endAll(
        new AppError('SERVICE_UNAVAILABLE', `The SSH connection to the VM was closed: ${reason}.`, {
          details: { reason: 'CONNECTION_DROPPED' },
        }),
      );
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      endAll(toAppError('CONNECTION_CLOSED'));
      await Promise.all([...openSockets].map((socket) => once(socket, 'close')));
    },
  };
}

function withRetryAfter(error: AppError, waitMs: number): AppError {
  if (!isAppError(error, 'SERVICE_UNAVAILABLE')) return error;
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  return new AppError(error.code, error.message, {
    text: error.text,
    details: { ...error.details, retryAfterSeconds },
    cause: error.cause ?? error,
  });
}

function defined({ connectTimeoutMs, keepaliveMs }: SshConnectionOptions) {
  return {
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    ...(keepaliveMs === undefined ? {} : { keepaliveMs }),
  };
}
