// Errors of jobs: failed, not found, or no longer observable.

import type { JobRecord } from '../adapter-ports.ts';
import { AppError, isAppError } from '../app-error.ts';
import type { JobState } from '../model/job.ts';
import { vmId } from '../model/vm.ts';
import { toOutputTail, toReadableTail } from './readable-output.ts';

export function jobNotFound(id: string): AppError {
  return new AppError(
    'NOT_FOUND',
    `No job '${id}' on ${vmId}; GET /jobs lists the last 50, which are kept`,
    { text: 'Job not found', details: { job: id } },
  );
}

/** In place of an output whose secrets cannot be told. */
export function withheld(target: string): string {
  return `(output withheld: the environment of the container '${target}' before or after this job is not known, so its values could not be hidden)\n`;
}

/** For cancelling a job that has ended. */
export function jobHasEnded(job: string, state: JobState): AppError {
  return new AppError(
    'CONFLICT',
    `The job '${job}' on ${vmId} has ended already: it ${jobEnds[state] ?? 'has ended'}, so there is nothing to cancel`,
    { text: 'Job already ended', details: { job, state } },
  );
}

const jobEnds: Partial<Record<JobState, string>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'was cancelled',
  lost: 'was lost when the VM went down or its processes were killed',
};

/** For a process that the kernel itself does not let go. */
export function jobSurvives(job: string): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `The job '${job}' was sent KILL and still runs on ${vmId}: a process of it waits for the kernel, as for a disk that hangs. Look at GET /jobs/${job}; POST /vm/reset ends it for certain`,
    {
      text: 'Job still running',
      details: { reason: 'OUTCOME_UNKNOWN', job, state: 'running', outcome: 'unknown' },
    },
  );
}

/** Says of a `CONFLICT` what it is about; for `catch`. */
export function asRebuildOf(target: string): (error: unknown) => never {
  return (error) => {
    if (!isAppError(error, 'CONFLICT')) throw error;
    const { job } = error.details;
    throw rebuildUnderWay(target, typeof job === 'string' ? job : undefined, error);
  };
}

/** A rebuild that another one of its project stands in the way of. */
export function rebuildUnderWay(
  target: string,
  job: string | undefined,
  cause?: unknown,
): AppError {
  const which = job === undefined ? '' : ` (job '${job}')`;
  return new AppError(
    'CONFLICT',
    `A rebuild of the compose project of '${target}' is already under way on ${vmId}${which}; wait until it has ended`,
    {
      text: 'Rebuild already running',
      details: { ...(job !== undefined && { job }), name: target },
      cause,
    },
  );
}

/** Why a job that has ended badly did so, with the end of its output. */
export function toBuildFailure(
  { id, target, state, exitCode, outputBytes, outputTail }: JobRecord,
  secrets: readonly string[] | undefined,
): AppError {
  const output = toOutputTail(
    secrets === undefined
      ? withheld(target)
      : toReadableTail(outputTail, { isWhole: outputTail.length === outputBytes, secrets }),
  );
  if (state === 'lost') {
    return new AppError(
      'INTERNAL_ERROR',
      `The build of '${target}' on ${vmId} was lost: the VM went down meanwhile, or the build was killed. Rebuild it again`,
      { text: 'Build lost', details: { name: target, job: id, state, output } },
    );
  }
  if (state === 'cancelled') {
    return new AppError(
      'INTERNAL_ERROR',
      `The build of '${target}' on ${vmId} was cancelled (job '${id}'); rebuild it again when it is wanted`,
      { text: 'Build cancelled', details: { name: target, job: id, state, output } },
    );
  }
  return new AppError(
    'INTERNAL_ERROR',
    `The build of '${target}' on ${vmId} failed with exit code ${exitCode}; its last lines are in details.output`,
    { text: 'Build failed', details: { name: target, job: id, exitCode, output } },
  );
}

/** What `NOT_FOUND` means to the caller that started the job and waits for it; for `catch`. */
export function asVanished(job: string): (error: unknown) => never {
  return (error) => {
    if (!isAppError(error, 'NOT_FOUND')) throw error;
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      `The job '${job}' is no longer kept on ${vmId}, so what became of it is not known; look at the container before you repeat it`,
      {
        text: 'Outcome unknown',
        details: { reason: 'OUTCOME_UNKNOWN', job, outcome: 'unknown' },
        cause: error,
      },
    );
  };
}

/** For watchers of a job that can no longer be observed; `words` say why, up to "became of the job". */
export function jobWatchLost(job: string, cause: AppError, words: string): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${words} became of the job '${job}' is not known here: look at GET /jobs/${job} once the VM can be reached again`,
    { text: 'Outcome unknown', details: { ...cause.details, job, outcome: 'unknown' }, cause },
  );
}
