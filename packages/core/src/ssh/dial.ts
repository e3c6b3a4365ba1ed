// One attempt to reach the VM's sshd, from the TCP connection to the login; it ends connected or with a reason, never half-way.

import { connect, isIP, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import type { Login } from './credentials.ts';
import type { HostKeyTrial } from './host-key.ts';
import { type DialPhase, toAppError, toReason } from './to-app-error.ts';

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly login: Login;
  readonly trial: HostKeyTrial;
  readonly keepaliveMs: number;
  readonly signal: AbortSignal;
  /** Told of the socket as soon as it exists; whoever owns the attempt waits for its close. */
  readonly onSocket: (socket: Socket) => void;
}

/** A connection that has been verified and logged in. */
export interface Dialed {
  readonly client: ssh2.Client;
  readonly socket: Socket;
  /** Calls back once when the connection ends, before any of its channels see an end; at once when it has ended already. */
  onEnd(listener: (cause: Error) => void): void;
}

/** Aborting `signal` with this tells the deadline's expiry from a caller who left. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

const heardLimit = 4_096;

/** Rejects with `SERVICE_UNAVAILABLE`, or with the signal's reason when that is none of ours; the socket is destroyed then. */
export function dial(options: DialOptions): Promise<Dialed> {
  const { host, port, trial, signal } = options;
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    // A socket of our own, as ssh2's would leave Nagle's algorithm on: 40 ms at each step of the handshake.
    const socket = connect({ host, port, noDelay: true });
    options.onSocket(socket);
    const client = new ssh2.Client();
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
      reject(trial.refusal ?? toAppError(reason, { cause: error }));
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
    client.on('end', () => onEnd(new Error('closed by the server')));
    client.on('close', () => onEnd(new Error('closed by the server')));
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
        onEnd(listener) {
          if (endedWith !== undefined) listener(endedWith);
          else endListener = listener;
        },
      });
    });

    try {
      client.connect(toConnectConfig(options, socket));
    } catch (error) {
      fail(error);
      return;
    }
    // After connect(), so that ssh2's own pause() keeps this listener from starting the flow.
    const onGreeting = (chunk: Buffer) => {
      heard = `${heard}${chunk.toString('latin1')}`.slice(0, heardLimit);
      if (/^SSH-[^\n]*\n/m.test(heard) && phase === 'greeting') phase = 'handshake';
      if (phase !== 'greeting' || heard.length === heardLimit) socket.off('data', onGreeting);
    };
    socket.on('data', onGreeting);
  });
}

function toConnectConfig(
  { username, login, trial, keepaliveMs }: DialOptions,
  socket: Socket,
): ssh2.ConnectConfig {
  return {
    sock: socket,
    username,
    authHandler: [{ username, ...login.method }],
    // Synchronous and strictly boolean: anything but `false` would be let in.
    hostVerifier: (key: Buffer) => trial.verify(key) === true,
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
