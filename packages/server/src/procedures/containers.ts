// The containers on the VM: one service call an operation.

import {
  AppError,
  type ContainerAction,
  containerActionResultSchema,
  containerInspectionSchema,
  containerLogsSchema,
  containerNameSchema,
  containerSchema,
  containerStatsSchema,
  defaultLogLines,
  type FollowedLine,
  type LogLine,
  logLineSchema,
  logSinceSchema,
  maxLogLines,
  toStampText,
} from '@ondemand/core';
import { z } from 'zod';
import { toOwner } from '../auth/principal.ts';
import { toShortText } from '../http/truncate-text.ts';
import { flatten, lastEventIdInput, toResumableItems } from '../streams/resume-token.ts';
import { adminProcedure, type Context, readProcedure, readStream, router } from './base.ts';
import { waitInputs } from './wait-inputs.ts';
import { wholeNumberInput } from './whole-number.ts';

const actionErrors = ['NOT_FOUND', 'CONFLICT'] as const;

const nameInput = z.strictObject({ name: containerNameSchema });

const wakeInput = z
  .boolean()
  .describe(
    'Wake the VM first, as `POST /vm/wake` does, and wait until it is ready; 503 where it is not in time, and then nothing was begun',
  )
  .optional();

/** Throws what `Waker.ensureAwake` throws, and `SERVICE_UNAVAILABLE` where the caller has left: then nothing has begun. */
async function awaken({ services, signal }: Context, waitSeconds?: number): Promise<void> {
  const waitMs = waitSeconds ? waitSeconds * 1000 : undefined; // nothing to tell early: it is the job or the action that is waited for
  await services.waker.ensureAwake({ waitMs, signal }).catch((cause: unknown) => {
    if (!signal.aborted) throw cause;
    throw new AppError(
      'SERVICE_UNAVAILABLE',
      'The caller left while oci-flex was being woken, so nothing was done to the container',
      { text: 'Nothing was started', details: { reason: 'CALLER_LEFT' }, cause },
    );
  });
}

const linesInput = wholeNumberInput({
  max: maxLogLines,
  fallback: defaultLogLines,
  description: 'How many of the last lines',
});

const tailRule = 'must be "all" or a whole number from 0 to 1000000000';
const tailInput = z
  .union([z.literal('all'), z.int(tailRule).min(0, tailRule).max(1_000_000_000, tailRule)], {
    error: tailRule,
  })
  .optional()
  .describe('So many of the last lines first, or all: 100 if left out, all with `since`');

export const containersRouter = router({
  list: readProcedure('containers_list', {
    method: 'GET',
    path: '/containers',
    summary: 'List all containers on oci-flex (docker ps -a)',
    description: 'All states, sorted by name.',
    errors: [],
  })
    .input(z.void())
    .output(z.array(containerSchema))
    .query(({ ctx }) => ctx.services.containers.list(ctx.asReader())),

  status: readProcedure('containers_status', {
    method: 'GET',
    path: '/containers/{name}/status',
    summary: 'Get container status',
    description: 'One container, by its name or id, as the list shows it.',
    errors: ['NOT_FOUND'],
  })
    .input(nameInput)
    .output(containerSchema)
    .query(({ ctx, input }) => ctx.services.containers.status(input.name, ctx.asReader())),

  start: wakingAction('start', {
    summary: 'Start container',
    description: 'Starting a running container is a success and changes nothing.',
  }).mutation(async ({ ctx, input: { name, wake } }) => {
    if (wake === true) await awaken(ctx, ctx.preferences.resolveWait({ mayBeAsync: false }));
    return ctx.services.containers.start(name);
  }),

  stop: plainAction('stop', {
    summary: 'Stop container',
    description: 'Stopping a stopped container is a success and changes nothing.',
  }).mutation(({ ctx, input }) => ctx.services.containers.stop(input.name)),

  restart: wakingAction('restart', {
    summary: 'Restart container',
    description: 'Starts a stopped one.',
  }).mutation(async ({ ctx, input: { name, wake } }) => {
    if (wake === true) await awaken(ctx, ctx.preferences.resolveWait({ mayBeAsync: false }));
    return ctx.services.containers.restart(name);
  }),

  rebuild: adminProcedure('containers_rebuild', {
    method: 'POST',
    path: '/containers/{name}/rebuild',
    summary: 'Rebuild container (docker-compose up -d --build)',
    description:
      "Builds and recreates the container's compose service, from its own compose labels, in a job on the VM. Answers when that has ended, but with 202 when it still runs after as many seconds as `Prefer: wait=N` says, at once with `Prefer: respond-async`; without either, after `REBUILD_WAIT_SECONDS` of the API. A container without compose labels is a 409, and so is one of a project that is being rebuilt.",
    errors: actionErrors,
  })
    .input(
      nameInput.extend({
        wake: wakeInput,
        ...waitInputs(
          'Answer once the job has begun',
          'Answer with the job once it has run for so long',
        ),
      }),
    )
    .output(containerActionResultSchema)
    .mutation(async ({ ctx, input: { name, wake, ...input } }) => {
      const startedAtMs = performance.now();
      const waitSeconds = ctx.preferences.resolveWait(input);
      if (wake === true) await awaken(ctx, waitSeconds);
      return ctx.services.containers.rebuild(name, {
        by: { ...toOwner(ctx.principal), requestId: toShortText(ctx.requestId) },
        ...(waitSeconds !== undefined && { waitMs: waitSeconds * 1000 }),
        ...(wake === true && { spentMs: performance.now() - startedAtMs }),
      });
    }),

  logs: readProcedure('containers_logs', {
    method: 'GET',
    path: '/containers/{name}/logs',
    textField: 'logs',
    summary: 'Get container logs',
    description:
      'stdout and stderr in order, as one string. With `Accept: text/plain` the bare text.',
    errors: ['NOT_FOUND'],
  })
    .input(nameInput.extend({ lines: linesInput }))
    .output(containerLogsSchema)
    .query(async ({ ctx, input: { name, lines = defaultLogLines } }) => {
      const { openCharge, longText } = ctx;
      const options = {
        ...ctx.asReader('bytes'),
        lines,
        maxBytes: longText.maxBytes,
        openCharge,
      };
      const { logs, ...answer } = await ctx.services.containers.logs(name, options);
      return { ...answer, logs: longText.take(logs) };
    }),

  followLogs: readStream('containers_followLogs', {
    path: '/containers/{name}/logs/stream',
    summary: 'Follow container logs',
    description:
      'Every line once, over restarts and rebuilds of the container and losses of the connection. With `Accept: text/plain` the bare lines.',
    text: { before: 'time', field: 'line', end: '\n' },
    item: logLineSchema,
    errors: ['NOT_FOUND'],
  })
    .input(
      nameInput.extend({
        tail: tailInput,
        since: logSinceSchema.optional(),
        timestamps: z.boolean().optional().describe('With the time of each line'),
        follow: z.boolean().optional().describe('false: end at the end of the log'),
        lastEventId: lastEventIdInput,
      }),
    )
    .subscription(async ({ ctx, input: { name, timestamps, lastEventId: after, ...from } }) => {
      const { signal } = ctx;
      const pieces = await ctx.services.containers.followLogs(name, { ...from, after, signal });
      if (from.follow !== false) ctx.services.leases.holdWhileRead('logs', signal);
      return toResumableItems(flatten(pieces), (line) => [
        line.position,
        toLogLine(line, timestamps),
      ]);
    }),

  inspect: readProcedure('containers_inspect', {
    method: 'GET',
    path: '/containers/{name}/inspect',
    summary: 'Inspect container',
    description: 'Of its environment the names alone, and nowhere a value of it.',
    errors: ['NOT_FOUND'],
  })
    .input(nameInput)
    .output(containerInspectionSchema)
    .query(({ ctx, input }) => ctx.services.containers.inspect(input.name, ctx.asReader())),

  stats: readProcedure('containers_stats', {
    method: 'GET',
    path: '/containers/{name}/stats',
    summary: 'Get container resource use',
    description: 'One sample, as docker stats counts it; zeros for a container that does not run.',
    errors: ['NOT_FOUND'],
  })
    .input(nameInput)
    .output(containerStatsSchema)
    .query(({ ctx, input }) => ctx.services.containers.stats(input.name, ctx.asReader())),
});

function toLogLine({ line, stream, at }: FollowedLine, timestamps = false): LogLine {
  return timestamps ? { line, stream, time: toStampText(at) } : { line, stream };
}

interface Words {
  readonly summary: string;
  readonly description: string;
}

function plainAction(verb: 'stop', words: Words) {
  return action(verb, words).input(nameInput).output(containerActionResultSchema);
}

/** With `wake` in its body it wakes the VM first. */
function wakingAction(verb: 'start' | 'restart', words: Words) {
  return action(verb, words)
    .input(nameInput.extend({ wake: wakeInput }))
    .output(containerActionResultSchema);
}

function action(verb: Exclude<ContainerAction, 'rebuild'>, words: Words) {
  return adminProcedure(`containers_${verb}`, {
    method: 'POST',
    path: `/containers/{name}/${verb}`,
    ...words,
    errors: actionErrors,
  });
}
