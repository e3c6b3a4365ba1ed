// What a container is to a caller, and how one may be named.

import { z } from 'zod';

/** Docker's own container states. */
export const containerStates = [
  'running',
  'exited',
  'paused',
  'restarting',
  'created',
  'removing',
  'dead',
] as const;
export type ContainerState = (typeof containerStates)[number];

const containerActions = ['start', 'stop', 'restart', 'rebuild'] as const;
export type ContainerAction = (typeof containerActions)[number];

/** A container's name or id, by Docker's own rule for names. */
export const containerNameSchema = z
  .string()
  .max(255, 'a container name has at most 255 characters')
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/,
    'a container name starts with a letter or digit; letters, digits, "_", "." and "-" may follow',
  )
  .describe('Container name or id');

export const containerSchema = z
  .object({
    name: z.string().describe('Container name'),
    state: z
      .enum(containerStates)
      .describe('running, exited, paused, restarting, created, removing, dead'),
    image: z.string().describe('Docker image'),
    ports: z.string().describe('Port mappings'),
    uptime: z.string().describe('Container uptime'),
  })
  .meta({ id: 'Container', description: 'A container as `docker ps -a` shows it' });
export type Container = z.infer<typeof containerSchema>;

export const containerActionResultSchema = z
  .object({
    container: z.string().describe('Container name'),
    action: z.enum(containerActions).describe('start, stop, restart, rebuild'),
    /** `initiated`: the answer did not wait for the job. The words are the published reference's. */
    status: z.enum(['success', 'initiated']).describe('e.g. "success"'),
    changed: z
      .boolean()
      .optional()
      .describe('false when the container was already as asked; absent when it is only initiated'),
    job: z.string().optional().describe('The job that does it, see /jobs/{id}'),
    warnings: z
      .array(z.string())
      .optional()
      .describe(
        "Of a rebuild: Compose's own warnings, and the containers that lost their network with the replaced one",
      ),
  })
  .meta({ id: 'ContainerActionResult', description: 'What became of an action on a container' });
export type ContainerActionResult = z.infer<typeof containerActionResultSchema>;

export const containerLogsSchema = z
  .object({
    container: z.string().describe('Container name'),
    lines: z
      .int()
      .min(0)
      .describe('How many lines were asked for; "logs" holds fewer when the log does'),
    logs: z
      .string()
      .describe(
        'The last lines of stdout and stderr in the order they were written, each ending in a newline; of very long lines the newest 16 MiB, over tRPC 8 MiB',
      ),
  })
  .meta({ id: 'ContainerLogs', description: "The last lines of a container's log" });
export type ContainerLogs = z.infer<typeof containerLogsSchema>;
