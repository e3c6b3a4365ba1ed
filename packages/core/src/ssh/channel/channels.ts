// What the Docker adapter needs of the SSH connection: byte streams to the VM, nothing of SSH itself.

import type { Duplex } from 'node:stream';
import type { CallOptions } from '../../adapter-ports.ts';

/** Opens streams over the one SSH connection, connecting first where needed. Throws `SERVICE_UNAVAILABLE`. */
export interface Channels {
  /** Changes with every new connection; 0 before the first. What was learned about the VM holds for one generation. */
  readonly generation: number;
  /** All that came over these connections so far, for whomever: tells a busy one from a silent one. */
  readonly receivedBytes: number;
  /** A stream to a unix socket on the VM (direct-streamlocal@openssh.com). Rejects with `ChannelRefusedError` as `cause` when sshd refuses forwarding or the socket does not answer. */
  openSocket(path: string, options?: CallOptions): Promise<Duplex>;
  /** A command's stdin and stdout as one stream; what it says on stderr before its first byte on stdout ends up in the error it fails with. */
  openCommand(argv: readonly string[], options?: CallOptions): Promise<Duplex>;
  /** Makes the next call log in again, since sshd reads a user's groups, shell and keys only at login; open channels stay. Ignored within a few seconds of a login. */
  renew(): void;
}

export interface ChannelRefusedOptions {
  /** RFC 4254 section 5.1: 1 prohibited, 2 connect failed, 3 unknown channel type, 4 resource shortage. */
  readonly openFailure?: number | undefined;
  /** Of a command that ended before its first byte on stdout; 128 + n after signal n. */
  readonly exitCode?: number | undefined;
  readonly cause?: unknown;
}

/**
 * The `cause` of an error when the VM answered and refused this one stream; the connection itself is fine.
 * `message` is what the VM said (sshd's reason, or the command's stderr): material for a decision and the log, never for a caller.
 */
export class ChannelRefusedError extends Error {
  override readonly name = 'ChannelRefusedError';
  readonly openFailure: number | undefined;
  readonly exitCode: number | undefined;

  constructor(message: string, { openFailure, exitCode, cause }: ChannelRefusedOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.openFailure = openFailure;
    this.exitCode = exitCode;
  }
}
