// One container in full, as far as it may be shown: an environment's names, never its values.

import { z } from 'zod';
import { containerStates } from './container.ts';

const count = z.number().nullable();

export const containerInspectionSchema = z
  .object({
    id: z.string(),
    name: z.string().describe('Container name'),
    image: z.string().describe('Docker image, as it was asked for'),
    imageId: z.string(),
    state: z.enum(containerStates),
    command: z.array(z.string()).describe('Entrypoint and arguments'),
    workingDir: z.string(),
    user: z.string(),
    tty: z.boolean(),
    createdAt: z.iso.datetime().nullable().describe('null when the engine does not know'),
    startedAt: z.iso.datetime().nullable().describe('null before its first start'),
    finishedAt: z.iso.datetime().nullable().describe('null before its first end'),
    exitCode: z
      .int()
      .nullable()
      .describe('Of its last end, or of a start that failed; null while it runs'),
    oomKilled: z.boolean(),
    error: z.string().describe('Why Docker could not start it; empty when it could'),
    health: z
      .object({
        status: z.string().describe('starting, healthy, unhealthy'),
        failingStreak: z.int(),
        test: z.array(z.string()).describe('What is run; empty when the engine does not say'),
        checks: z
          .array(
            z.object({ at: z.iso.datetime().nullable(), exitCode: z.int(), output: z.string() }),
          )
          .describe('The last ones, the newest at the end'),
      })
      .nullable()
      .describe('null without a health check'),
    restartCount: z.int(),
    restartPolicy: z
      .object({ name: z.string(), maximumRetryCount: z.int() })
      .describe('no, always, unless-stopped, on-failure'),
    environment: z.array(z.string()).describe('Names alone'),
    labels: z.record(z.string(), z.string()),
    mounts: z.array(
      z.object({
        type: z.string().describe('bind, volume, tmpfs'),
        name: z.string().optional().describe('Of a volume'),
        source: z.string(),
        destination: z.string(),
        readOnly: z.boolean(),
      }),
    ),
    networks: z.array(
      z.object({
        name: z.string(),
        ipAddress: z.string(),
        ipv6Address: z.string(),
        gateway: z.string(),
        macAddress: z.string(),
        aliases: z.array(z.string()),
      }),
    ),
    ports: z.string().describe('Port mappings, as docker ps prints them'),
    limits: z
      .object({
        memoryBytes: count,
        memorySwapBytes: count,
        cpus: count,
        cpuShares: count,
        pids: count,
      })
      .describe('null where there is none'),
  })
  .meta({ id: 'ContainerInspection' });
export type ContainerInspection = z.infer<typeof containerInspectionSchema>;

const bytes = z.number().int().min(0);

export const containerStatsSchema = z
  .object({
    container: z.string().describe('Container name'),
    readAt: z.iso.datetime(),
    cpuPercent: z.number().min(0).describe('Of one CPU, as docker stats: 200 is two CPUs in full'),
    memoryBytes: bytes.describe('Without the page cache that can be given back'),
    memoryLimitBytes: bytes.describe(
      "The container's limit, else the VM's memory; 0 when it does not run",
    ),
    networkRxBytes: bytes,
    networkTxBytes: bytes,
    blockReadBytes: bytes,
    blockWriteBytes: bytes,
    pids: z.int().min(0),
  })
  .meta({ id: 'ContainerStats' });
export type ContainerStats = z.infer<typeof containerStatsSchema>;
