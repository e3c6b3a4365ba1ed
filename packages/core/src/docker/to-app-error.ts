// Converts the engine's refusals to an `AppError`; its own message stays in `cause`.

import { AppError, type AppErrorOptions } from '../app-error.ts';
import type { ErrorText } from '../error-texts.ts';
import type { ContainerState } from '../model/container.ts';
import { containerMissing } from '../model/container-not-found.ts';
import { vmId } from '../model/vm.ts';
import {
  explainStart,
  namedContainer,
  type Refusal,
  saysMissing,
} from './container-error-messages.ts';
import type { EngineAnswer } from './engine/http-request.ts';

/** What was asked of the engine, and of which container. */
export interface EngineTask {
  readonly operation:
    | 'ping'
    | 'list'
    | 'inspect'
    | 'logs'
    | 'stats'
    | 'events'
    | 'exec'
    | 'start'
    | 'stop'
    | 'restart';
  readonly name?: string | undefined;
  readonly id?: string | undefined;
  /** What was seen of it before, where that was asked. */
  readonly state?: ContainerState | undefined;
}

/** The container that an answer is about where it is not the one that was asked for: one that this one needs. */
export interface OtherContainer {
  /** The engine's words for it: a name or an id. */
  readonly ref: string;
  /** Left out: it is not there. */
  readonly name?: string | undefined;
  /** What is shared with it. */
  readonly shares?: string | undefined;
}

/** `details.reason` of what Docker itself is the reason for: `CONFLICT` with a container that is dead or about to go, else `SERVICE_UNAVAILABLE`. What is said of the way to it keeps the SSH adapter's own. */
export type DockerReason =
  | 'BEING_REMOVED'
  | 'DOCKER_UNREACHABLE'
  | 'DOCKER_SOCKET_MISSING'
  | 'DOCKER_DOWN'
  | 'DOCKER_PERMISSION_DENIED'
  | 'DOCKER_FORWARDING_FORBIDDEN'
  | 'DOCKER_TIMEOUT'
  | 'DOCKER_CONNECTION_LOST'
  | 'DOCKER_FAILED'
  | 'DOCKER_UNFIT'
  | 'OUTCOME_UNKNOWN';

/**
 * Judges an answer that is no success: `NOT_FOUND`, `CONFLICT` (paused, being removed, dead, port taken, another container or network missing), `SERVICE_UNAVAILABLE`, or `INTERNAL_ERROR` for a container that cannot start as it is configured.
 * `other`: as `findOther` named it and the caller found it.
 */
export function toAppError(
  answer: EngineAnswer,
  task: EngineTask,
  other: OtherContainer | undefined = toOther(findOther(answer, task)),
): AppError {
  const said = readMessage(answer);
  const cause = new Error(`The engine answered ${answer.status}: ${said}`);
  const { name, operation } = task;
  // Of the engine as a whole, a 404 or 409 says nothing but that it does not work.
  if (name === undefined) return failed(answer, task, cause);
  const fail = ({ code, text }: Omit<Refusal, 'reason'>, message: string, details = {}) =>
    new AppError(code, message, { text, details: { ...details, name }, cause });
  const subject = `container '${name}' on ${vmId}`;
  const isStart = operation === 'start' || operation === 'restart';

  if (isStart && other !== undefined) {
    return fail(...toNeeded(other, `Docker could not ${operation} the ${subject}`));
  }
  if (answer.status === 404 && (!isStart || said.trim() === '' || saysMissing(said))) {
    return containerMissing(name, cause);
  }
  const known = isStart ? explainStart(said) : undefined;
  if (answer.status === 409 || isStateRefusal(said)) {
    const action = isAction(operation) ? operation : 'be read';
    const state = toStateRefusal(said, task);
    if (state === undefined && known !== undefined) {
      return fail(known, `Docker could not ${operation} the ${subject}: ${known.reason}`);
    }
    const { text, reason } = state ?? refusedInState;
    return fail({ code: 'CONFLICT', text }, `The ${subject} cannot ${action} now: ${reason}`, {
      ...(goingTexts.has(text) && { reason: 'BEING_REMOVED' satisfies DockerReason }),
    });
  }
  if (operation === 'logs' && /does not support reading/i.test(said)) {
    return fail(
      { code: 'CONFLICT', text: 'Container log not readable' },
      `The ${subject} has no log that can be read: its log driver sends the log elsewhere`,
    );
  }
  if (known !== undefined) {
    return fail(known, `Docker could not ${operation} the ${subject}: ${known.reason}`);
  }
  if (isAction(operation) && answer.status !== 502 && answer.status !== 503) {
    return fail(
      { code: 'INTERNAL_ERROR', text: 'Container action failed' },
      `Docker failed to ${operation} the ${subject} (HTTP ${answer.status}); "docker ${operation} ${name}" on the VM says why`,
    );
  }
  return failed(answer, task, cause);
}

/** The name or id of another container that the refusal of a start is about; undefined when it is about the one asked for, or about none. */
export function findOther(answer: EngineAnswer, task: EngineTask): string | undefined {
  if (task.operation !== 'start' && task.operation !== 'restart') return undefined;
  const said = readMessage(answer);
  const named = namedContainer(said);
  return named === undefined || isSame(named, task) ? undefined : named;
}

function isSame(ref: string, { name, id }: EngineTask): boolean {
  return ref === name || (id !== undefined && ref.length >= 12 && id.startsWith(ref));
}

function toOther(ref: string | undefined): OtherContainer | undefined {
  return ref === undefined ? undefined : { ref };
}

function toNeeded(
  { ref, name, shares }: OtherContainer,
  what: string,
): [Omit<Refusal, 'reason'>, string, Record<string, unknown>] {
  const shown = name ?? (/^[0-9a-f]{64}$/.test(ref) ? ref.slice(0, 12) : ref);
  const whose = shares === undefined ? 'which it needs' : `whose ${shares} it shares`;
  return name === undefined
    ? [
        { code: 'CONFLICT', text: 'Needed container missing' },
        `${what}: the container '${shown}', ${whose}, no longer exists; create that one again, then recreate this one`,
        { needs: shown },
      ]
    : [
        { code: 'CONFLICT', text: 'Needed container not running' },
        `${what}: the container '${shown}', ${whose}, does not run; start that one first`,
        { needs: shown },
      ];
}

function failed(answer: EngineAnswer, task: EngineTask, cause: unknown): AppError {
  const { name } = task;
  return dockerUnavailable(
    'DOCKER_FAILED',
    `Docker is not answering properly on ${vmId} (HTTP ${answer.status} ${describeTask(task)}); try again, or look at the Docker daemon on the VM`,
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

/** `error` for each reason. */
export const shortTexts = {
  BEING_REMOVED: 'Docker failed',
  DOCKER_UNREACHABLE: 'Docker not reachable',
  DOCKER_SOCKET_MISSING: 'Docker not reachable',
  DOCKER_DOWN: 'Docker not reachable',
  DOCKER_PERMISSION_DENIED: 'Docker not reachable',
  DOCKER_FORWARDING_FORBIDDEN: 'Docker not reachable',
  DOCKER_TIMEOUT: 'Docker not reachable',
  DOCKER_CONNECTION_LOST: 'Docker not reachable',
  DOCKER_FAILED: 'Docker failed',
  DOCKER_UNFIT: 'Docker version not supported',
  OUTCOME_UNKNOWN: 'Outcome unknown',
} as const satisfies Record<DockerReason, ErrorText<'SERVICE_UNAVAILABLE'>>;

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

interface StateRefusal {
  readonly text: ErrorText<'CONFLICT'>;
  readonly reason: string;
}

/** Podman refuses with 500 and these words. */
function isStateRefusal(said: string): boolean {
  return /container state improper/i.test(said);
}

const refusedInState: StateRefusal = {
  text: 'Container conflict',
  reason: 'Docker refuses it in its present state; look at its status',
};

const goingTexts: ReadonlySet<string> = new Set<ErrorText<'CONFLICT'>>([
  'Container is being removed',
  'Container is dead',
]);

/** Undefined when neither the engine's words nor the state that was seen say why. */
function toStateRefusal(said: string, { name, state }: EngineTask): StateRefusal | undefined {
  if (/\bpaused\b/i.test(said) || (isStateRefusal(said) && state === 'paused')) {
    return {
      text: 'Container is paused',
      reason: `it is paused; unpause it first ("docker unpause ${name}")`,
    };
  }
  if (/\bdead\b/i.test(said) && !/marked for removal/i.test(said)) {
    return { text: 'Container is dead', reason: 'it is dead; remove it and create it again' };
  }
  if (
    /marked for removal|removal of container|being removed|state removing|is removing/i.test(said)
  ) {
    return {
      text: 'Container is being removed',
      reason: 'it is being removed, or is dead; remove it and create it again',
    };
  }
  if (/is restarting/i.test(said)) {
    return { text: 'Container conflict', reason: 'it is restarting; try again once it runs' };
  }
  return undefined;
}

function isAction(operation: EngineTask['operation']): boolean {
  return operation === 'start' || operation === 'stop' || operation === 'restart';
}

/** What was under way, as the end of a sentence. */
export function describeTask({ operation, name }: EngineTask): string {
  if (operation === 'ping') return 'to a ping';
  if (operation === 'list') return 'while listing containers';
  if (operation === 'logs') return `while reading the logs of '${name}'`;
  if (operation === 'inspect') return `while looking at '${name}'`;
  if (operation === 'stats') return `while measuring '${name}'`;
  if (operation === 'events') return 'while watching events';
  if (operation === 'exec') return `while running a command in '${name}'`;
  return `while it was to ${operation} '${name}'`;
}
