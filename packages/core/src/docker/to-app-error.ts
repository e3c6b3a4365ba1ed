// What the engine refused, or failed to say, in words for the caller; its own message stays in `cause`.

import { containerMissing } from '../container-missing.ts';
import {
  AppError,
  type AppErrorOptions,
  type ErrorCode,
  type ErrorText,
  isAppError,
} from '../errors.ts';
import { vmId } from '../model/vm.ts';
import type { EngineAnswer, LostAnswerError } from './exchange.ts';

/** What was asked of the engine, and of which container. */
export interface EngineTask {
  readonly operation:
    | 'ping'
    | 'list'
    | 'inspect'
    | 'logs'
    | 'stats'
    | 'events'
    | 'start'
    | 'stop'
    | 'restart';
  readonly name?: string | undefined;
}

/** `details.reason` of what Docker itself is the reason for: `CONFLICT` with a container that is dead or about to go, else `SERVICE_UNAVAILABLE`. What is said of the way to it keeps the SSH adapter's own. */
export type DockerReason =
  | 'BEING_REMOVED'
  | 'DOCKER_UNREACHABLE'
  | 'DOCKER_TIMEOUT'
  | 'DOCKER_CONNECTION_LOST'
  | 'DOCKER_FAILED'
  | 'DOCKER_UNFIT'
  | 'OUTCOME_UNKNOWN';

/** Judges an answer that is no success: `NOT_FOUND`, `CONFLICT` (paused, being removed, dead, port taken), `SERVICE_UNAVAILABLE`, or `INTERNAL_ERROR` for a container that cannot start as it is configured. */
export function toAppError(answer: EngineAnswer, task: EngineTask): AppError {
  const said = readMessage(answer);
  const cause = new Error(`The engine answered ${answer.status}: ${said}`);
  const { name } = task;
  // Of the engine as a whole, a 404 or 409 says nothing but that it does not work.
  const isOfOne = name !== undefined;
  const fail = (
    { code, text }: { readonly code: ErrorCode; readonly text: ErrorText },
    message: string,
    details = {},
  ) =>
    new AppError(code, message, {
      text,
      details: { ...details, ...(isOfOne && { name }) },
      cause,
    });
  const subject = `container '${name}' on ${vmId}`;

  if (isOfOne && isMissing(answer.status, said, task)) return containerMissing(name, cause);
  if (isOfOne && answer.status === 409) {
    const wish = isAction(task.operation) ? task.operation : 'be read';
    const { text, reason } = toConflict(said, name);
    return fail({ code: 'CONFLICT', text }, `The ${subject} cannot ${wish} now: ${reason}`, {
      ...(/dead|remov/i.test(said) && { reason: 'BEING_REMOVED' satisfies DockerReason }),
    });
  }
  if (task.operation === 'logs' && /does not support reading/i.test(said)) {
    return fail(
      { code: 'CONFLICT', text: 'Container log not readable' },
      `The ${subject} has no log that can be read: its log driver sends the log elsewhere`,
    );
  }
  if (task.operation === 'start' || task.operation === 'restart') {
    const known = startFailures.find(({ pattern }) => pattern.test(said));
    if (known !== undefined) {
      return fail(known, `Docker could not ${task.operation} the ${subject}: ${known.reason}`);
    }
  }
  if (isAction(task.operation) && answer.status !== 502 && answer.status !== 503) {
    return fail(
      { code: 'INTERNAL_ERROR', text: 'Container action failed' },
      `Docker failed to ${task.operation} the ${subject} (HTTP ${answer.status}); "docker ${task.operation} ${name}" on the VM says why`,
    );
  }
  return dockerUnavailable(
    'DOCKER_FAILED',
    `Docker is not answering properly on ${vmId} (HTTP ${answer.status} ${describe(task)}); try again, or look at the Docker daemon on the VM`,
    { details: name === undefined ? {} : { name }, cause },
  );
}

/** `SERVICE_UNAVAILABLE` with `details.reason`. */
export function dockerUnavailable(
  reason: DockerReason,
  message: string,
  { details = {}, cause }: Pick<AppErrorOptions, 'details' | 'cause'> = {},
): AppError {
  return new AppError('SERVICE_UNAVAILABLE', message, {
    text: shortTexts[reason],
    details: { reason, ...details },
    cause,
  });
}

const shortTexts = {
  BEING_REMOVED: 'Docker failed',
  DOCKER_UNREACHABLE: 'Docker not reachable',
  DOCKER_TIMEOUT: 'Docker not reachable',
  DOCKER_CONNECTION_LOST: 'Docker not reachable',
  DOCKER_FAILED: 'Docker failed',
  DOCKER_UNFIT: 'Docker version not supported',
  OUTCOME_UNKNOWN: 'Outcome unknown',
} as const satisfies Record<DockerReason, ErrorText<'SERVICE_UNAVAILABLE'>>;

/** An answer that did not arrive, or not whole: `SERVICE_UNAVAILABLE`, with the SSH adapter's reason where the whole connection was lost. Only for requests that change nothing, or whose outcome was looked up. */
export function toLostError(error: LostAnswerError, task: EngineTask): AppError {
  const what = describe(task);
  const { text, reason, message } = {
    timeout: {
      text: shortTexts.DOCKER_TIMEOUT,
      reason: 'DOCKER_TIMEOUT',
      message: `Docker on ${vmId} did not answer in time ${what}; try again, or look at the Docker daemon on the VM`,
    },
    cut: {
      text: isOfSsh(error.cause) ? undefined : shortTexts.DOCKER_CONNECTION_LOST,
      reason: toCutReason(error),
      message: isSilent(error)
        ? `${vmId} stopped answering ${what}, and the SSH connection was given up; try again, or look at GET /vm/status`
        : `The connection to Docker on ${vmId} was lost ${what}; try again`,
    },
    unclear: {
      text: shortTexts.DOCKER_FAILED,
      reason: 'DOCKER_FAILED',
      message: `Docker on ${vmId} sent an answer whose end cannot be told ${what}; try again`,
    },
    'too large': {
      text: shortTexts.DOCKER_FAILED,
      reason: 'DOCKER_FAILED',
      message: `Docker on ${vmId} sent an answer that is too large ${what}`,
    },
  }[error.reason];
  return new AppError('SERVICE_UNAVAILABLE', message, {
    text,
    details: { reason },
    cause: error,
  });
}

/** True when the answer was lost because the VM says nothing any more: whoever asks again would wait as long again. */
export function isSilent({ cause }: LostAnswerError): boolean {
  return isAppError(cause) && cause.details.reason === 'PEER_SILENT';
}

/** For an action whose answer was lost and whose effect could not be seen: `SERVICE_UNAVAILABLE` with `details.outcome: "unknown"`. */
export function unknownOutcome({ operation, name }: EngineTask, cause: unknown): AppError {
  return dockerUnavailable(
    'OUTCOME_UNKNOWN',
    `Whether the container '${name}' on ${vmId} did ${operation} is unknown (outcome unknown): Docker's answer was lost; look at its status before you try again`,
    { details: { name, outcome: 'unknown' }, cause },
  );
}

/** An answer that does not say what the Engine API promises: `SERVICE_UNAVAILABLE`. */
export function malformedAnswer(task: EngineTask, cause: unknown): AppError {
  return dockerUnavailable(
    'DOCKER_FAILED',
    `Docker on ${vmId} sent an answer that cannot be understood ${describe(task)}; try again, or check which engine the VM runs`,
    { cause },
  );
}

/** The engine's own words, for matching and for the log. */
export function readMessage({ body }: EngineAnswer): string {
  const text = body.toString('utf8', 0, 8192);
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) {
      return String(parsed.message);
    }
  } catch {
    // Not JSON: what came is the message.
  }
  return text;
}

const startFailures: readonly {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly text: ErrorText;
  readonly reason: string;
}[] = [
  {
    pattern: /port is already allocated|address already in use|failed to bind (host )?port/i,
    code: 'CONFLICT',
    text: 'Port already in use',
    reason: 'a port that it publishes is already in use; stop what uses it, then try again',
  },
  {
    pattern: /network .*(not found|does not exist)|no such network/i,
    code: 'CONFLICT',
    text: 'Container conflict',
    reason: 'a network that it uses no longer exists; rebuild it, or create the network',
  },
  {
    pattern: /cannot (join|link to)|is not running|non-?running container/i,
    code: 'CONFLICT',
    text: 'Container conflict',
    reason: 'another container that it depends on is not running; start that one first',
  },
  {
    pattern: /no space left on device/i,
    code: 'INTERNAL_ERROR',
    text: 'Container failed to start',
    reason: "the VM's disk is full; free some space, then try again",
  },
  {
    pattern: /exec: .*permission denied/i,
    code: 'INTERNAL_ERROR',
    text: 'Container failed to start',
    reason: 'its command may not be executed; check the permissions in the image',
  },
  {
    pattern: /executable file not found|exec format error|exec: .*no such file/i,
    code: 'INTERNAL_ERROR',
    text: 'Container failed to start',
    reason: 'its command is not in the image or cannot run there; check the image and the command',
  },
  {
    pattern: /mount|not a directory|no such file or directory|volume/i,
    code: 'INTERNAL_ERROR',
    text: 'Container failed to start',
    reason: 'one of its mounts cannot be set up; check its volumes and folders on the VM',
  },
  {
    pattern: /permission denied/i,
    code: 'INTERNAL_ERROR',
    text: 'Container failed to start',
    reason: 'Docker lacks a permission on the VM; check its mounts, devices and security options',
  },
];

function toConflict(
  said: string,
  name: string | undefined,
): { readonly text: ErrorText<'CONFLICT'>; readonly reason: string } {
  if (/paused/i.test(said)) {
    return {
      text: 'Container is paused',
      reason: `it is paused; unpause it first ("docker unpause ${name}")`,
    };
  }
  if (/dead/i.test(said) && !/marked for removal/i.test(said)) {
    return { text: 'Container is dead', reason: 'it is dead; remove it and create it again' };
  }
  if (/remov/i.test(said)) {
    return {
      text: 'Container is being removed',
      reason: 'it is being removed, or is dead; remove it and create it again',
    };
  }
  return {
    text: 'Container conflict',
    reason: 'Docker refuses it in its present state; look at its status',
  };
}

/** A 404 to a start can also mean something that the container needs: only Docker's words for a container count, or none at all. */
function isMissing(status: number, said: string, { operation }: EngineTask): boolean {
  if (status !== 404) return false;
  const isStart = operation === 'start' || operation === 'restart';
  return !isStart || said.trim() === '' || /no such container|no container with/i.test(said);
}

/** The SSH adapter says so itself when its whole connection was lost. */
function isOfSsh(cause: unknown): boolean {
  return isAppError(cause) && typeof cause.details.reason === 'string';
}

function toCutReason({ cause }: LostAnswerError): string {
  const { reason } = isAppError(cause) ? cause.details : {};
  return typeof reason === 'string' ? reason : ('DOCKER_CONNECTION_LOST' satisfies DockerReason);
}

function isAction(operation: EngineTask['operation']): boolean {
  return operation === 'start' || operation === 'stop' || operation === 'restart';
}

function describe({ operation, name }: EngineTask): string {
  if (operation === 'ping') return 'to a ping';
  if (operation === 'list') return 'while listing containers';
  if (operation === 'logs') return `while reading the logs of '${name}'`;
  if (operation === 'inspect') return `while looking at '${name}'`;
  if (operation === 'stats') return `while measuring '${name}'`;
  if (operation === 'events') return 'while watching events';
  return `while it was to ${operation} '${name}'`;
}
