// Converts answers of the engine that were lost, cut or malformed to an `AppError`.

import { AppError, isAppError } from '../app-error.ts';
import { vmId } from '../model/vm.ts';
import type { LostAnswerError } from './engine/http-request.ts';
import {
  type DockerReason,
  describeTask,
  dockerUnavailable,
  type EngineTask,
  shortTexts,
} from './to-app-error.ts';

/** An answer that did not arrive, or not whole: `SERVICE_UNAVAILABLE`, with the SSH adapter's reason where the whole connection was lost. Only for requests that change nothing, or whose outcome was looked up. */
export function toLostError(error: LostAnswerError, task: EngineTask): AppError {
  const what = describeTask(task);
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

/** True when the answer was lost because the VM stopped answering: a retry would wait as long again. */
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
    `Docker on ${vmId} sent an answer that cannot be understood ${describeTask(task)}; try again, or check which engine the VM runs`,
    { cause },
  );
}

/** The SSH adapter says so itself when its whole connection was lost. */
function isOfSsh(cause: unknown): boolean {
  return isAppError(cause) && typeof cause.details.reason === 'string';
}

function toCutReason({ cause }: LostAnswerError): string {
  const { reason } = isAppError(cause) ? cause.details : {};
  return typeof reason === 'string' ? reason : ('DOCKER_CONNECTION_LOST' satisfies DockerReason);
}
