// Every way the SSH connection can fail, as one table: what a caller is told, and nothing of what ssh2 or the system said.

import { AppError, isAppError } from '../app-error.ts';
import type { ErrorText } from '../error-texts.ts';

/** `details.reason` of the errors that this folder throws. */
export type SshReason = keyof typeof texts;

/** How far an attempt had come: TCP, the server's greeting, key exchange, login. */
export type DialPhase = 'lookup' | 'connect' | 'greeting' | 'handshake' | 'auth';

export interface DialFailure {
  readonly phase: DialPhase;
  readonly error: unknown;
  /** Our own deadline ended the attempt. */
  readonly timedOut: boolean;
  /** The first bytes the server sent, before encryption. */
  readonly heard: string;
  /** What the server showed during login. */
  readonly banner: string;
}

/** Names the reason of a failed attempt; pure, so that each fault is a table row. */
export function toReason({ phase, error, timedOut, heard, banner }: DialFailure): SshReason {
  if (timedOut) return timeoutReasons[phase];
  const code = read(error, 'code');
  const level = read(error, 'level');
  if (typeof code === 'string' && code in codeReasons) {
    return codeReasons[code as keyof typeof codeReasons]; // `in` has just proved it.
  }
  if (level === 'agent') return 'AGENT_UNAVAILABLE';
  if (phase === 'auth') return toLoginReason({ code, error, banner, level });
  if (phase === 'handshake') {
    if (/no matching /i.test(String(read(error, 'message')))) return 'NO_COMMON_ALGORITHM';
    return wasCut(code, error) ? 'CONNECTION_RESET' : 'HANDSHAKE_FAILED';
  }
  // Newer sshd say why they hang up, in a line before any protocol.
  if (/MaxStartups/i.test(heard)) return 'TOO_MANY_CONNECTIONS';
  if (/not allowed at this time/i.test(heard)) return 'NOT_ALLOWED_NOW';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'CONNECTION_RESET';
  return heard === '' ? 'HANDSHAKE_DROPPED' : 'HANDSHAKE_FAILED';
}

export interface ErrorFacts {
  /** In place of the table's, where more is known. */
  readonly message?: string;
  readonly details?: Record<string, unknown>;
  readonly cause?: unknown;
}

/** The error for a reason: `SERVICE_UNAVAILABLE` with `details.reason`. */
export function toAppError(
  reason: SshReason,
  { message = texts[reason], details = {}, cause }: ErrorFacts = {},
): AppError {
  return new AppError('SERVICE_UNAVAILABLE', message, {
    text: shortTexts[reason],
    details: { reason, ...details },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** The same failure of a call that can be repeated, as it only reads or was not sent yet: nobody needs to look what it did. */
export function asRepeatable(error: unknown): unknown {
  if (!isAppError(error)) return error;
  const { details } = error;
  const told = repeatable.get(details.reason);
  if (told === undefined) return error;
  const { message, text } = told;
  return new AppError('SERVICE_UNAVAILABLE', message, { text, details, cause: error });
}

interface Told {
  readonly message: string;
  readonly text?: ErrorText<'SERVICE_UNAVAILABLE'>;
}

const repeatable: ReadonlyMap<unknown, Told> = new Map<SshReason, Told>([
  [
    'CONNECTION_LOST',
    { message: 'The SSH connection to the VM was lost; the call can be repeated.' },
  ],
  [
    'PEER_SILENT',
    {
      message:
        'The SSH connection to the VM was lost: it has stopped answering. The call can be repeated; see GET /vm/status.',
    },
  ],
  [
    'OUTCOME_UNKNOWN',
    {
      message: 'The VM did not say how a command ended; the call can be repeated.',
      text: 'Command failed on the VM',
    },
  ],
  [
    'COMMAND_TIMEOUT',
    {
      message: 'A command on the VM took too long and was ended; the call can be repeated.',
      text: 'Command failed on the VM',
    },
  ],
]);

const unreachable = 'VM not reachable via SSH';

const texts = {
  ADDRESS_UNKNOWN: `${unreachable}: its address could not be found out. Check that the VM is running, or set SSH_HOST.`,
  DNS_FAILED: `${unreachable}: its host name does not resolve. Check SSH_HOST and the name server.`,
  CONNECTION_REFUSED: `${unreachable}: nothing listens on its SSH port. Check that the VM is running and has booted, and SSH_PORT.`,
  NETWORK_UNREACHABLE: `${unreachable}: no network route leads to it. Check the network, SSH_HOST and the VM's security list.`,
  CONNECT_TIMEOUT: `${unreachable}: no answer to the TCP connection. Check that the VM is running and that its security list opens the SSH port.`,
  HANDSHAKE_TIMEOUT: `${unreachable}: the SSH port accepts connections, but sshd does not answer in time. The VM may still be booting or be overloaded.`,
  AUTH_TIMEOUT: `${unreachable}: sshd did not finish the login in time. The VM may still be booting or be overloaded.`,
  CONNECTION_RESET: `${unreachable}: the connection was reset while it was being set up. Check for a firewall or proxy on the way, and for a rule of sshd against this address or user (RefuseConnection: take that away); sshd's log says more.`,
  HANDSHAKE_DROPPED: `${unreachable}: sshd hung up before its greeting. It has too many logins under way (MaxStartups) or refuses this address; see sshd's log.`,
  TOO_MANY_CONNECTIONS: `${unreachable}: sshd has too many logins under way (MaxStartups) and hung up. Try again in a moment, or raise MaxStartups.`,
  NOT_ALLOWED_NOW: `${unreachable}: sshd hung up with "Not allowed at this time", which it says for one of these: too many logins under way (MaxStartups, PerSourceMaxStartups: try again in a moment, or raise them), earlier failed logins from this address (PerSourcePenalties: check SSH_USER and the key, then wait, or list this address in PerSourcePenaltyExemptList), or a rule against it (RefuseConnection: take that away). sshd's log says which.`,
  HANDSHAKE_FAILED: `${unreachable}: no SSH handshake was possible on that port. Check SSH_PORT, and that a sshd of SSH 2 answers there.`,
  NO_COMMON_ALGORITHM: `${unreachable}: sshd and this API have no algorithm in common.`,
  HOST_KEY_UNKNOWN: `${unreachable}: its host key is unknown.`,
  HOST_KEY_CHANGED: `${unreachable}: its host key has changed.`,
  HOST_KEY_REVOKED: `${unreachable}: its host key is revoked.`,
  HOST_KEY_MISMATCH: `${unreachable}: its host key is not the pinned one.`,
  KNOWN_HOSTS_UNREADABLE: `${unreachable}: the known hosts file cannot be read.`,
  AUTH_REJECTED: `${unreachable}: sshd refused the login. Check SSH_USER, and that our public key is in that user's authorized_keys; the next attempt is made after 30 seconds.`,
  AUTH_INCOMPLETE: `${unreachable}: sshd accepted the key and wants a second factor.`,
  AUTH_ACCOUNT_REFUSED: `${unreachable}: sshd accepted the key and refused the login all the same.`,
  AUTH_NO_PUBLIC_KEYS: `${unreachable}: sshd takes no public key for this user.`,
  AUTH_TOO_MANY_FAILURES: `${unreachable}: sshd broke off the login after too many keys that it refused.`,
  STARTING_UP: `${unreachable}: the VM is still starting up and lets nobody log in yet. Try again in a moment.`,
  KEY_UNREADABLE: `${unreachable}: our private key cannot be read. Check SSH_PRIVATE_KEY_FILE and the file's permissions.`,
  KEY_INVALID: `${unreachable}: our private key is in no format that is understood. Check SSH_PRIVATE_KEY_FILE; ssh-keygen -p rewrites a key in OpenSSH's format.`,
  PASSPHRASE_MISSING: `${unreachable}: our private key is encrypted. Set SSH_PRIVATE_KEY_PASSPHRASE.`,
  PASSPHRASE_WRONG: `${unreachable}: the passphrase does not open our private key. Check SSH_PRIVATE_KEY_PASSPHRASE.`,
  NO_CREDENTIALS: `${unreachable}: there is nothing to log in with. Set SSH_PRIVATE_KEY_FILE, or SSH_AUTH_SOCK for an agent.`,
  AGENT_UNAVAILABLE: `${unreachable}: the SSH agent does not answer. Check SSH_AUTH_SOCK, or set SSH_PRIVATE_KEY_FILE.`,
  AGENT_EMPTY: `${unreachable}: the SSH agent holds no key. Add one with ssh-add, or set SSH_PRIVATE_KEY_FILE.`,
  CONNECTION_LOST:
    'The SSH connection to the VM was lost; whether the call took effect is not known. Look before you repeat it.',
  PEER_SILENT:
    'The SSH connection to the VM was lost: it has stopped answering. Whether the call took effect is not known; look before you repeat it.',
  CONNECTION_UNSTABLE: `${unreachable}: the connection was lost right after it was made. Try again in a moment; if it stays so, see sshd's log.`,
  CONNECTION_CLOSED: 'The SSH connection is closed: this process is shutting down.',
  CHANNEL_TIMEOUT:
    'The VM did not open a channel on the SSH connection in time. It may be overloaded; try again.',
  CHANNELS_BUSY: 'Too many streams to the VM are open at once. Try again once some have ended.',
  COMMANDS_BUSY: 'Too many commands run on the VM at once. Try again once some have ended.',
  SOCKET_REFUSED:
    'The VM refused a connection to the socket: nothing listens on it, the SSH user may not use it, or sshd forbids forwarding (AllowStreamLocalForwarding).',
  FORWARDING_REFUSED:
    'sshd on the VM forbids forwarding to sockets (AllowStreamLocalForwarding, DisableForwarding).',
  FORWARDING_UNSUPPORTED: 'The SSH server on the VM cannot forward to sockets.',
  SESSION_REFUSED:
    'sshd on the VM refused to run another command: too many sessions are open (MaxSessions). Try again once some have ended, or raise MaxSessions.',
  NO_SESSIONS:
    'sshd on the VM refused to run a command, though none of ours runs there: it allows no session at all (MaxSessions 0). Set MaxSessions in its sshd_config to 10, its default.',
  COMMAND_REFUSED:
    'sshd on the VM refused to run the command. Check for a forced command or a shell that allows no login.',
  SHELL_UNUSABLE: 'The login on the VM runs no command of ours. Nothing was started.',
  SHELL_TIMEOUT: 'The login on the VM did not begin a command of ours in time.',
  OUTCOME_UNKNOWN:
    'The VM did not say how a command ended; whether it took effect is not known. Look before you repeat it.',
  COMMAND_TIMEOUT:
    'A command on the VM took too long and was ended; whether it took effect is not known. Look before you repeat it.',
  COMMAND_NOT_FOUND: 'The command was not found on the VM.',
  COMMAND_FAILED: 'A command on the VM failed.',
  PERMISSION_DENIED: "The SSH user's permissions on the VM do not suffice.",
} as const;

/** What people are shown where the VM was reached, and something else is the matter. */
const shortTexts: Partial<Record<SshReason, ErrorText<'SERVICE_UNAVAILABLE'>>> = {
  CONNECTION_CLOSED: 'API is shutting down',
  CHANNELS_BUSY: 'Too many requests under way',
  COMMANDS_BUSY: 'Too many requests under way',
  SOCKET_REFUSED: 'Docker not reachable',
  FORWARDING_REFUSED: 'Docker not reachable',
  FORWARDING_UNSUPPORTED: 'Docker not reachable',
  SESSION_REFUSED: 'Command failed on the VM',
  NO_SESSIONS: 'Command failed on the VM',
  COMMAND_REFUSED: 'Command failed on the VM',
  SHELL_UNUSABLE: 'Command failed on the VM',
  SHELL_TIMEOUT: 'Command failed on the VM',
  OUTCOME_UNKNOWN: 'Outcome unknown',
  COMMAND_TIMEOUT: 'Outcome unknown',
  COMMAND_NOT_FOUND: 'Missing software on the VM',
  COMMAND_FAILED: 'Command failed on the VM',
  PERMISSION_DENIED: 'Command failed on the VM',
};

const timeoutReasons: Record<DialPhase, SshReason> = {
  lookup: 'DNS_FAILED',
  connect: 'CONNECT_TIMEOUT',
  greeting: 'HANDSHAKE_TIMEOUT',
  handshake: 'HANDSHAKE_TIMEOUT',
  auth: 'AUTH_TIMEOUT',
};

const codeReasons = {
  ENOTFOUND: 'DNS_FAILED',
  EAI_AGAIN: 'DNS_FAILED',
  EAI_FAIL: 'DNS_FAILED',
  EAI_NODATA: 'DNS_FAILED',
  ECONNREFUSED: 'CONNECTION_REFUSED',
  EHOSTUNREACH: 'NETWORK_UNREACHABLE',
  EHOSTDOWN: 'NETWORK_UNREACHABLE',
  ENETUNREACH: 'NETWORK_UNREACHABLE',
  ENETDOWN: 'NETWORK_UNREACHABLE',
  EADDRNOTAVAIL: 'NETWORK_UNREACHABLE',
  ETIMEDOUT: 'CONNECT_TIMEOUT',
} as const satisfies Record<string, SshReason>;

function toLoginReason({
  code,
  error,
  banner,
  level,
}: {
  code: unknown;
  error: unknown;
  banner: string;
  level: unknown;
}): SshReason {
  // pam_nologin answers like that between sshd's start and the end of the boot: no reason to wait 30 seconds.
  if (/booting up|not permitted to log in yet|pam_nologin/i.test(banner)) return 'STARTING_UP';
  if (level === 'client-authentication') return 'AUTH_REJECTED';
  // A numeric code is sshd's own DISCONNECT message: 'Too many authentication failures' and its like.
  const said = typeof code === 'number' ? String(read(error, 'message')) : '';
  if (/too many authentication/i.test(said)) return 'AUTH_TOO_MANY_FAILURES';
  if (/authentication/i.test(said)) return 'AUTH_REJECTED';
  return 'CONNECTION_RESET';
}

function wasCut(code: unknown, error: unknown): boolean {
  return (
    code === 'ECONNRESET' || code === 'EPIPE' || read(error, 'message') === 'closed by the server'
  );
}

function read(error: unknown, property: 'code' | 'level' | 'message'): unknown {
  return typeof error === 'object' && error !== null && property in error
    ? (error as Record<string, unknown>)[property] // `in` has just proved it.
    : undefined;
}
