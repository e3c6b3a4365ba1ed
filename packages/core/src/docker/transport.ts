// Which way leads to the engine's socket on the VM: a forwarded channel, or a command that relays it.

import type { Duplex } from 'node:stream';
import { AppError, isAppError } from '../errors.ts';
import { vmId } from '../model/vm.ts';
import type { CallOptions } from '../ports.ts';
import { ChannelRefusedError, type Channels } from '../ssh/channels.ts';
import { dockerUnavailable } from './to-app-error.ts';

/** `DOCKER_TRANSPORT`; `auto` tries the others in this order. */
export const dockerTransports = ['auto', 'socket', 'dial-stdio'] as const;
export type DockerTransport = (typeof dockerTransports)[number];

export interface TransportOptions {
  readonly channels: Channels;
  /** On the VM; absolute. */
  readonly socketPath: string;
  readonly transport?: DockerTransport;
}

export interface Transport {
  /** The way that the present connection uses, once that is known. */
  readonly way: Way | undefined;
  /** A stream to the engine. Throws `SERVICE_UNAVAILABLE`, with what each way answered in `details.transports` where both failed. */
  open(options?: CallOptions): Promise<Duplex>;
  /** Call when the engine answered: from now on only this way is used, for as long as the connection lives. */
  confirm(): void;
  /** The same error, or one that also says what the other way answered: a command that opens can still fail. */
  explain(error: AppError): AppError;
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
    explain(error) {
      if (isCurrent(choice) && !choice.confirmed && choice.refusal !== undefined) {
        return bothRefused(choice.refusal, error);
      }
      return isRefusal(error) ? refused(error) : error;
    },
  };

  /** Opening may have connected anew, and what was confirmed held for the connection before. */
  async function openConfirmed({ way, generation }: Choice, options: CallOptions): Promise<Duplex> {
    try {
      return await openBy(way, options);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (channels.generation !== generation) return openEither(options);
      throw refused(error);
    }
  }

  /** No second way: it was chosen by the configuration. */
  async function openOnly(way: Way, options: CallOptions): Promise<Duplex> {
    try {
      return await openBy(way, options);
    } catch (error) {
      throw isRefusal(error) ? refused(error) : error;
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
      throw isAppError(error) ? bothRefused(refusal, error) : error;
    }
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

function refused(error: AppError): AppError {
  return new AppError('SERVICE_UNAVAILABLE', `Docker on ${vmId} is not answering: ${say(error)}`, {
    text: 'Docker not reachable',
    details: error.details,
    cause: error,
  });
}

function bothRefused(socket: AppError, command: AppError): AppError {
  const answers = { socket: say(socket), 'dial-stdio': say(command) };
  return dockerUnavailable(
    'DOCKER_UNREACHABLE',
    `Docker on ${vmId} is not answering, neither by its socket (${answers.socket}) nor by "docker system dial-stdio" (${answers['dial-stdio']})`,
    { details: { transports: answers }, cause: new AggregateError([socket, command]) },
  );
}

/** The SSH adapter's own sentence, or a better one where the command said what is wrong with Docker. */
function say({ message, cause }: AppError): string {
  const said = cause instanceof ChannelRefusedError ? cause.message : '';
  if (
    /cannot connect to the docker daemon|connection refused|dial unix .*no such file/i.test(said)
  ) {
    return 'the command runs, but nothing listens on the socket; check that the Docker daemon runs on the VM';
  }
  return message.replace(/\.$/, '');
}
