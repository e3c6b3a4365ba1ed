// Chooses how to reach the engine's socket on the VM: a forwarded channel, or a command that relays it.

import type { Duplex } from 'node:stream';
import type { CallOptions } from '../../adapter-ports.ts';
import { AppError, isAppError } from '../../app-error.ts';
import { vmId } from '../../model/vm.ts';
import { ChannelRefusedError, type Channels } from '../../ssh/channel/channels.ts';
import { type DockerReason, dockerUnavailable } from '../to-app-error.ts';
import { probeSocket, type SocketFinding } from './socket-probe.ts';

/** `DOCKER_TRANSPORT`; `auto` tries the others in this order. */
export const dockerTransports = ['auto', 'socket', 'dial-stdio'] as const;
export type DockerTransport = (typeof dockerTransports)[number];

export interface TransportOptions {
  readonly channels: Channels;
  /** On the VM; absolute. */
  readonly socketPath: string;
  readonly transport?: DockerTransport;
  /** How long the VM may take to say why it refuses the socket. */
  readonly timeoutMs: number;
}

export interface Transport {
  /** The way that the present connection uses, once that is known. */
  readonly way: Way | undefined;
  /** A stream to the engine. Throws `SERVICE_UNAVAILABLE`, with what each way answered in `details.transports` where both failed. */
  open(options?: CallOptions): Promise<Duplex>;
  /** Call when the engine answered: from now on only this way is used, for as long as the connection lives. */
  confirm(): void;
  /** The same error, or one that also says what the other way answered, and why: a command that opens can still fail. */
  explain(error: AppError, options?: CallOptions): Promise<AppError>;
}

type Way = Exclude<DockerTransport, 'auto'>;

interface Choice {
  readonly way: Way;
  readonly generation: number;
  /** What the socket said when the command was chosen. */
  readonly refusal?: AppError | undefined;
  confirmed: boolean;
}

/** Builds the way to the engine; what worked is remembered per connection. */
export function createTransport({
  channels,
  socketPath,
  transport = 'auto',
  timeoutMs,
}: TransportOptions): Transport {
  let choice: Choice | undefined;

  return {
    get way() {
      if (transport !== 'auto') return transport;
      return isCurrent(choice) ? choice.way : undefined;
    },
    open(options = {}) {
      if (transport !== 'auto') return openOnly(transport, options);
      return isCurrent(choice) && choice.confirmed
        ? openConfirmed(choice, options)
        : openEither(options);
    },
    confirm() {
      if (isCurrent(choice)) choice.confirmed = true;
    },
    async explain(error, options = {}) {
      const { refusal, confirmed } = choice ?? {};
      // A refusal of a connection that another caller has renewed since is still that of both ways.
      if (refusal !== undefined && !confirmed && (isCurrent(choice) || isRefusal(error))) {
        return bothRefused(refusal, error, await find(error, options));
      }
      return isRefusal(error) ? refused(error, await find(error, options)) : error;
    },
  };

  /** Opening may have connected again, and what was confirmed held for the connection before. */
  async function openConfirmed({ way, generation }: Choice, options: CallOptions): Promise<Duplex> {
    try {
      return await openBy(way, options);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (channels.generation !== generation) return openEither(options);
      throw refused(error, await find(error, options));
    }
  }

  /** No second way: it was chosen by the configuration. */
  async function openOnly(way: Way, options: CallOptions): Promise<Duplex> {
    try {
      return await openBy(way, options);
    } catch (error) {
      throw isRefusal(error) ? refused(error, await find(error, options)) : error;
    }
  }

  async function openEither(options: CallOptions): Promise<Duplex> {
    let refusal: AppError | undefined;
    try {
      const stream = await openBy('socket', options);
      choice = { way: 'socket', generation: channels.generation, confirmed: false };
      return stream;
    } catch (error) {
      options.signal?.throwIfAborted();
      // Without an SSH connection the other way fails as well, only later.
      if (!isRefusal(error)) throw error;
      refusal = error;
    }
    try {
      const stream = await openBy('dial-stdio', options);
      choice = { way: 'dial-stdio', generation: channels.generation, refusal, confirmed: false };
      return stream;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!isAppError(error)) throw error;
      throw bothRefused(refusal, error, await find(error, options));
    }
  }

  /** Asks the VM why, unless the refusal shows that it runs no commands. */
  async function find(error: AppError, options: CallOptions): Promise<SocketFinding | undefined> {
    if (runsNoCommands(error)) return undefined;
    const finding = await probeSocket(channels, socketPath, { ...options, timeoutMs });
    // Groups and sshd's settings are read at login: after a repair a new login is needed.
    if (finding?.cause === 'denied' || finding?.cause === 'usable') channels.renew();
    return finding;
  }

  function isCurrent(candidate: Choice | undefined): candidate is Choice {
    return candidate?.generation === channels.generation;
  }

  function openBy(way: Way, options: CallOptions): Promise<Duplex> {
    return way === 'socket'
      ? channels.openSocket(socketPath, options)
      : channels.openCommand(toDialStdio(socketPath), options);
  }
}

/** `env` sets the variable without sshd's consent, which `AcceptEnv` would need. */
function toDialStdio(socketPath: string): string[] {
  return ['env', `DOCKER_HOST=unix://${socketPath}`, 'docker', 'system', 'dial-stdio'];
}

/** True when the VM was reached and said no, to this one channel. */
function isRefusal(error: unknown): error is AppError {
  return isAppError(error) && error.cause instanceof ChannelRefusedError;
}

function runsNoCommands({ details: { reason } }: AppError): boolean {
  return ['SHELL_UNUSABLE', 'SHELL_TIMEOUT', 'SESSION_REFUSED', 'NO_SESSIONS'].some(
    (each) => each === reason,
  );
}

/** The one way that was asked said no. */
function refused(error: AppError, finding: SocketFinding | undefined): AppError {
  const ofSocket = error.details.reason === 'SOCKET_REFUSED';
  const found = toCause(finding, ofSocket);
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `Docker on ${vmId} is not answering: ${found?.text ?? say(error)}`,
    {
      text: 'Docker not reachable',
      details: { ...error.details, ...(found && { reason: found.reason }) },
      cause: error,
    },
  );
}

function bothRefused(
  socket: AppError,
  command: AppError,
  finding: SocketFinding | undefined,
): AppError {
  const found = toCause(finding, true);
  const answers = { socket: found?.text ?? say(socket), 'dial-stdio': say(command) };
  // What is wrong with the socket itself is wrong for both.
  const isForBoth = found !== undefined && finding?.cause !== 'usable';
  return dockerUnavailable(
    isForBoth ? found.reason : 'DOCKER_UNREACHABLE',
    isForBoth
      ? `Docker on ${vmId} is not answering: ${found.text}`
      : `Docker on ${vmId} is not answering, neither by its socket (${answers.socket}) nor by "docker system dial-stdio" (${answers['dial-stdio']})`,
    { details: { transports: answers }, cause: new AggregateError([socket, command]) },
  );
}

interface Cause {
  readonly reason: DockerReason;
  readonly text: string;
}

/** In words; a usable socket is the cause of nothing but a refused forwarding. */
function toCause(finding: SocketFinding | undefined, ofSocket: boolean): Cause | undefined {
  switch (finding?.cause) {
    case 'missing':
      return {
        reason: 'DOCKER_SOCKET_MISSING',
        text: 'there is no such file as DOCKER_SOCKET there; install Docker or start it (sudo systemctl start docker), or set DOCKER_SOCKET to where its socket is',
      };
    case 'not-a-socket':
      return {
        reason: 'DOCKER_SOCKET_MISSING',
        text: 'DOCKER_SOCKET is no socket there; set it to where that of Docker is',
      };
    case 'not-listening':
      return {
        reason: 'DOCKER_DOWN',
        text: 'nothing listens on its socket, so the Docker daemon is down; check that the Docker daemon runs on the VM (sudo systemctl start docker; journalctl -u docker says why it ended)',
      };
    case 'denied': {
      const { user } = finding;
      return {
        reason: 'DOCKER_PERMISSION_DENIED',
        text: `permission denied: the SSH user${user ? ` '${user}'` : ''} may not use its socket; ${toPermit(finding)}`,
      };
    }
    case 'usable':
      return ofSocket
        ? {
            reason: 'DOCKER_FORWARDING_FORBIDDEN',
            text: 'sshd forbids forwarding to sockets; allow it in sshd_config (AllowStreamLocalForwarding yes, no DisableForwarding) and at our key in authorized_keys (no "restrict", no "no-port-forwarding"), or set DOCKER_TRANSPORT to dial-stdio',
          }
        : undefined;
    default:
      return undefined;
  }
}

/** What lets the user in. */
function toPermit({ group, groupIs, user = 'USER' }: DeniedSocket): string {
  if (group === undefined) {
    return `only another user may; add a group that may (sudo groupadd docker; sudo usermod -aG docker ${user}; sudo systemctl restart docker), or set SSH_USER`;
  }
  if (groupIs === 'closed') {
    return `nor may its group '${group}', because of the socket's mode; restart what makes it (sudo systemctl restart docker.socket docker), or let the group read and write it (sudo chmod g+rw, with the path in DOCKER_SOCKET)`;
  }
  return groupIs === 'joined'
    ? `it is in the group '${group}', which may, so something else forbids it; check the socket's access list (getfacl) and SELinux or AppArmor on the VM`
    : `add it to the group: sudo usermod -aG ${group} ${user} (the API then logs in again by itself)`;
}

type DeniedSocket = Extract<SocketFinding, { readonly cause: 'denied' }>;

/** The SSH adapter's own sentence, or a better one where the command said what is wrong with Docker. */
function say({ message, cause }: AppError): string {
  const said = cause instanceof ChannelRefusedError ? cause.message : '';
  if (
    /cannot connect to the docker daemon|connection refused|dial unix .*no such file/i.test(said)
  ) {
    return 'the command runs, but nothing listens on the socket; check that the Docker daemon runs on the VM';
  }
  if (cause instanceof ChannelRefusedError && cause.exitCode === 127) {
    return 'the docker command was not found in the PATH of the SSH user; install the Docker CLI on the VM, or allow forwarding';
  }
  return message.replace(/\.$/, '');
}
