// One attempt to reach the VM's sshd, from the TCP connection to the login; it ends connected or with an error.

import { connect, isIP, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import type { AppError } from '../../app-error.ts';
import { describeMismatch, parseAlgorithmOffer, toMismatch } from '../login/algorithm-offer.ts';
import type { Login } from '../login/credentials.ts';
import { type HostKeyTrial, readKeyType } from '../login/host-key.ts';
import { type LoginAnswers, toLoginError } from '../login/login-failure.ts';
import { type DialPhase, type SshReason, toAppError, toReason } from '../to-app-error.ts';

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly login: Login;
  readonly trial: HostKeyTrial;
  readonly keepaliveMs: number;
  readonly signal: AbortSignal;
  /** Called with the socket as soon as it exists; the owner of the attempt waits for its close. */
  readonly onSocket: (socket: Socket) => void;
}

/** Whom a connection leads to. */
export interface Peer {
  readonly host: string;
  /** That was accepted, as a line of known_hosts has it: its type and the key. */
  readonly hostKey: string;
}

/** A connection that has been verified and logged in. */
export interface Dialed {
  readonly client: ssh2.Client;
  readonly socket: Socket;
  readonly peer: Peer;
  /** Calls back once when the connection ends, before any of its channels see an end; at once when it has ended already. */
  onEnd(listener: (cause: Error) => void): void;
}

/** Aborting `signal` with this tells the deadline's expiry from a caller who left. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

const readsPerTurn = 4;
/** Holds the greeting and what is offered for the handshake. */
const heardLimit = 8_192;

/** Rejects with `SERVICE_UNAVAILABLE`, or with the signal's reason when that is none of ours; the socket is destroyed then. */
export function dial(options: DialOptions): Promise<Dialed> {
  const { host, port, trial, signal } = options;
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    // A socket of our own, as ssh2's would leave Nagle's algorithm on: 40 ms at each step of the handshake.
    const socket = connect({ host, port, noDelay: true });
    options.onSocket(socket);
    const client = new ssh2.Client();
    const auth = createAuthHandler(options);
    let hostKey = '';
    let phase: DialPhase = isIP(host) === 0 ? 'lookup' : 'connect';
    let heard = '';
    let banner = '';
    let settled = false;
    let endedWith: Error | undefined;
    let endListener: ((cause: Error) => void) | undefined;

    const settle = () => {
      settled = true;
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown, timedOut = false) => {
      if (settled) return;
      settle();
      socket.destroy();
      const reason = toReason({ phase, error, timedOut, heard, banner });
      reject(trial.refusal ?? toDialError(reason, error));
    };
    const toDialError = (reason: SshReason, cause: unknown) => {
      if (phase === 'auth') {
        const { username: user, login } = options;
        const fromAgent = login.method.type === 'agent';
        const hungUp = cause === closedByServer;
        const answers = { ...auth.answers, signed: login.signed, hungUp, banner };
        return toLoginError(
          reason,
          { user, host, port, keys: login.keys, fromAgent, answers },
          cause,
        );
      }
      const mismatch = reason === 'NO_COMMON_ALGORITHM' ? toMismatch(cause) : undefined;
      if (mismatch === undefined) return toPlainError(reason, options, cause);
      const why = describeMismatch(mismatch, parseAlgorithmOffer(heard));
      return toAppError(reason, {
        message: `VM not reachable via SSH: sshd at ${host}:${port} allows no handshake: ${why}.`,
        cause,
      });
    };
    const onAbort = () => {
      if (signal.reason instanceof DeadlineError) return fail(signal.reason, true);
      settle();
      socket.destroy();
      reject(signal.reason);
    };
    // ssh2 may emit several errors for one failure, and more after the connection's end: these listeners stay.
    const onEnd = (error: Error) => {
      fail(error);
      if (endedWith !== undefined) return;
      endedWith = error;
      endListener?.(error);
    };
    signal.addEventListener('abort', onAbort, { once: true });

    client.on('error', onEnd);
    const closedByServer = new Error('closed by the server');
    client.on('end', () => onEnd(closedByServer));
    client.on('close', () => onEnd(closedByServer));
    client.on('banner', (text) => {
      banner = `${banner}${text}`.slice(0, heardLimit);
    });
    socket.once('lookup', (error) => {
      if (error === null) phase = 'connect';
    });
    client.once('connect', () => {
      phase = 'greeting';
    });
    client.once('handshake', () => {
      phase = 'auth';
    });
    client.once('ready', () => {
      if (settled) return;
      settle();
      resolve({
        client,
        socket,
        peer: { host, hostKey },
        onEnd(listener) {
          if (endedWith !== undefined) listener(endedWith);
          else endListener = listener;
        },
      });
    });

    try {
      client.connect({
        ...toConnectConfig(options, socket),
        // Synchronous and strictly boolean: anything but `false` would be let in.
        hostVerifier(key: Buffer) {
          const isAccepted = trial.verify(key) === true;
          if (isAccepted) hostKey = `${readKeyType(key)} ${key.toString('base64')}`;
          return isAccepted;
        },
        authHandler: auth.handle,
      });
    } catch (error) {
      fail(error);
      return;
    }
    // After connect(), so that ssh2's own pause() keeps this listener from starting the flow.
    const onGreeting = (chunk: Buffer) => {
      heard = `${heard}${chunk.toString('latin1')}`.slice(0, heardLimit);
      if (/^SSH-[^\n]*\n/m.test(heard) && phase === 'greeting') phase = 'handshake';
      const isDone = phase === 'auth' || heard.length === heardLimit;
      if (isDone || parseAlgorithmOffer(heard)) socket.off('data', onGreeting);
    };
    socket.on('data', onGreeting);
    // Node would read up to 2 MB of a busy connection, 64 kB at a time, before anybody else has a turn.
    let reads = 0;
    socket.on('data', () => {
      reads += 1;
      if (reads % readsPerTurn !== 0) return;
      socket.pause();
      setImmediate(() => socket.resume());
    });
  });
}

/** The table's words, and where that was. */
function toPlainError(reason: SshReason, { host, port }: DialOptions, cause: unknown): AppError {
  const { message } = toAppError(reason);
  const endpoint = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  return toAppError(reason, {
    message: message.replace(/^(VM not reachable via SSH: )/, `$1at ${endpoint}, `),
    details: { host, port },
    cause,
  });
}

/** Offers what there is to log in with, once, and keeps what sshd said to it. */
function createAuthHandler({ username, login }: DialOptions) {
  let offered = false;
  let asked = false;
  let answers: Pick<LoginAnswers, 'partial' | 'methodsLeft'> = {
    partial: false,
    methodsLeft: undefined,
  };
  return {
    get answers() {
      return answers;
    },
    handle(methodsLeft: string[] | null, partial: boolean | null) {
      answers = { partial: partial === true, methodsLeft: methodsLeft ?? undefined };
      if (!offered) {
        offered = true;
        return { username, ...login.method };
      }
      // ssh2 does not tell what sshd said to an agent's key: this makes it say once more what is left after one that it took.
      if (login.method.type === 'agent' && login.signed && !asked) {
        asked = true;
        return { username, type: 'none' as const };
      }
      // No further method: ssh2 then says that all have failed.
      return false;
    },
  };
}

function toConnectConfig(
  { username, trial, keepaliveMs }: DialOptions,
  socket: Socket,
): ssh2.ConnectConfig {
  return {
    sock: socket,
    username,
    algorithms: {
      // The types come from our own table of what ssh2 supports.
      serverHostKey: trial.algorithms as ssh2.ServerHostKeyAlgorithm[],
    },
    // Our own deadlines decide: ssh2 only sends the pings, see keepalive.ts.
    readyTimeout: 0,
    keepaliveInterval: keepaliveMs,
    keepaliveCountMax: Number.MAX_SAFE_INTEGER,
    // Socket forwarding is OpenSSH's extension, but others speak it too.
    strictVendor: false,
  };
}
