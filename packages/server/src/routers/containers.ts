// The containers on the VM: seven operations, one service call each.

import {
  type ContainerAction,
  containerActionResultSchema,
  containerLogsSchema,
  containerNameSchema,
  containerSchema,
  defaultLogLines,
  maxLogLines,
} from '@ondemand/core';
import { z } from 'zod';
import { adminProcedure, readProcedure, router } from '../trpc.ts';
import { wholeNumberInput } from './whole-number.ts';

const nameInput = z.strictObject({ name: containerNameSchema });

const linesInput = wholeNumberInput({
  max: maxLogLines,
  fallback: defaultLogLines,
  description: 'How many of the last lines',
});

export const containersRouter = router({
  list: readProcedure('containers_list', {
    method: 'GET',
    path: '/containers',
    summary: 'List all containers on oci-flex (docker ps -a)',
    description: 'All states, sorted by name.',
    errors: ['SERVICE_UNAVAILABLE'],
  })
    .input(z.void())
    .output(z.array(containerSchema))
    .query(({ ctx }) => ctx.services.containers.list({ signal: ctx.signal })),

  status: readProcedure('containers_status', {
    method: 'GET',
    path: '/containers/{name}/status',
    summary: 'Get container status',
    errors: ['BAD_REQUEST', 'NOT_FOUND', 'SERVICE_UNAVAILABLE'],
  })
    .input(nameInput)
    .output(containerSchema)
    .query(({ ctx, input }) => ctx.services.containers.status(input.name, { signal: ctx.signal })),

  start: action('start', {
    summary: 'Start container',
    description: 'Starting a running container is a success and changes nothing.',
  }).mutation(({ ctx, input }) => ctx.services.containers.start(input.name)),

  stop: action('stop', {
    summary: 'Stop container',
    description: 'Stopping a stopped container is a success and changes nothing.',
  }).mutation(({ ctx, input }) => ctx.services.containers.stop(input.name)),

  restart: action('restart', {
    summary: 'Restart container',
    description: 'Starts a stopped one.',
  }).mutation(({ ctx, input }) => ctx.services.containers.restart(input.name)),

  rebuild: action('rebuild', {
    summary: 'Rebuild container (docker-compose up -d --build)',
    description:
      "Builds and recreates the container's compose service, from its own compose labels, and answers when that is done. A container without them is a 409.",
  }).mutation(({ ctx, input }) => ctx.services.containers.rebuild(input.name)),

  logs: readProcedure('containers_logs', {
    method: 'GET',
    path: '/containers/{name}/logs',
    textField: 'logs',
    summary: 'Get container logs',
    description:
      'stdout and stderr in order, as one string. With `Accept: text/plain` the bare text.',
    errors: ['BAD_REQUEST', 'NOT_FOUND', 'SERVICE_UNAVAILABLE'],
  })
    .input(nameInput.extend({ lines: linesInput }))
    .output(containerLogsSchema)
    .query(({ ctx, input: { name, lines = defaultLogLines } }) =>
      ctx.services.containers.logs(name, { lines, signal: ctx.signal }),
    ),
});

function action(
  verb: ContainerAction,
  { summary, description }: { readonly summary: string; readonly description: string },
) {
  return adminProcedure(`containers_${verb}`, {
    method: 'POST',
    path: `/containers/{name}/${verb}`,
    summary,
    description,
    errors: ['BAD_REQUEST', 'NOT_FOUND', 'CONFLICT', 'SERVICE_UNAVAILABLE'],
  })
    .input(nameInput)
    .output(containerActionResultSchema);
}
