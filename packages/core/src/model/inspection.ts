// One container in full, as far as it may be shown: an environment's names, never its values.

import { z } from 'zod';
import { containerStates } from './container.ts';

const limit = z.number().nullable();

export const containerInspectionSchema = z
  .object({
    id: z.string().describe('Container id'),
    name: z.string().describe('Container name'),
    image: z.string().describe('Docker image, as it was asked for'),
    imageId: z
      .string()
      .describe('Of the image that it runs, which may have a newer version of that name'),
    state: z
      .enum(containerStates)
      .describe('running, exited, paused, restarting, created, removing, dead'),
    command: z.array(z.string()).describe('Entrypoint and arguments'),
    workingDir: z.string().describe('Where the command runs; empty for /'),
    user: z.string().describe('Whom the command runs as; empty for root'),
    tty: z.boolean().describe('Whether it has a terminal'),
    createdAt: z.iso.datetime().nullable().describe('null when the engine does not know'),
    startedAt: z.iso.datetime().nullable().describe('null before its first start'),
    finishedAt: z.iso.datetime().nullable().describe('null before its first end'),
    exitCode: z
      .int()
      .nullable()
      .describe('Of its last end, or of a start that failed; null while it runs'),
    oomKilled: z.boolean().describe('Whether its last end was for want of memory'),
    error: z.string().describe('Why Docker could not start it; empty when it could'),
    health: z
      .object({
        status: z.string().describe('starting, healthy, unhealthy'),
        failingStreak: z.int().describe('How many of the last checks failed in a row'),
        test: z.array(z.string()).describe('What is run; empty when the engine does not say'),
        checks: z
          .array(
            z.object({
              at: z.iso.datetime().nullable().describe('null when the engine does not know'),
              exitCode: z.int().describe('0: healthy'),
              output: z.string().describe('What it printed'),
            }),
          )
          .describe('The last ones, the newest at the end'),
      })
      .nullable()
      .describe('null without a health check'),
    restartCount: z.int().describe('How often Docker has started it again by its restart policy'),
    restartPolicy: z
      .object({
        name: z.string().describe('no, always, unless-stopped, on-failure'),
        maximumRetryCount: z.int().describe('With on-failure; 0 for no end'),
      })
      .describe('When Docker starts it again'),
    environment: z.array(z.string()).describe('Names alone'),
    labels: z.record(z.string(), z.string()).describe('By name'),
    mounts: z
      .array(
        z.object({
          type: z.string().describe('bind, volume, tmpfs'),
          name: z.string().optional().describe('Of a volume'),
          source: z.string().describe('Path on the VM'),
          destination: z.string().describe('Path in the container'),
          readOnly: z.boolean().describe('Whether the container can only read it'),
        }),
      )
      .describe('Volumes and folders of the VM in the container'),
    networks: z
      .array(
        z.object({
          name: z.string().describe('Network name'),
          ipAddress: z.string().describe('IPv4 address; empty without one'),
          ipv6Address: z.string().describe('IPv6 address; empty without one'),
          gateway: z.string().describe('IPv4 gateway; empty without one'),
          macAddress: z.string().describe('MAC address; empty while it does not run'),
          aliases: z.array(z.string()).describe('Other names that it has on this network'),
        }),
      )
      .describe('The Docker networks that it is on'),
    ports: z.string().describe('Port mappings, as docker ps prints them'),
    limits: z
      .object({
        memoryBytes: limit.describe('Memory; null where there is no limit'),
        memorySwapBytes: limit.describe('Memory and swap together; null where there is no limit'),
        cpus: limit.describe('How many CPUs; null where there is no limit'),
        cpuShares: limit.describe('Its weight beside other containers; null for the default'),
        pids: limit.describe('Processes and threads; null where there is no limit'),
      })
      .describe('null where there is none'),
  })
  .meta({
    id: 'ContainerInspection',
    description: 'A container in full, but for the values of its environment',
  });
export type ContainerInspection = z.infer<typeof containerInspectionSchema>;

const bytes = z.number().int().min(0);

export const containerStatsSchema = z
  .object({
    container: z.string().describe('Container name'),
    readAt: z.iso.datetime().describe("ISO 8601 timestamp, by the VM's clock"),
    cpuPercent: z.number().min(0).describe('Of one CPU, as docker stats: 200 is two CPUs in full'),
    memoryBytes: bytes.describe('Without the page cache that can be given back'),
    memoryLimitBytes: bytes.describe(
      "The container's limit, else the VM's memory; 0 when it does not run",
    ),
    networkRxBytes: bytes.describe('Received on all networks since its start'),
    networkTxBytes: bytes.describe('Sent on all networks since its start'),
    blockReadBytes: bytes.describe('Read from disks since its start'),
    blockWriteBytes: bytes.describe('Written to disks since its start'),
    pids: z.int().min(0).describe('Processes and threads'),
  })
  .meta({ id: 'ContainerStats', description: 'What a container uses: one sample' });
export type ContainerStats = z.infer<typeof containerStatsSchema>;
