// What we read of the engine's answers, checked before use: unknown fields and values pass, a wrong shape does not.

import { z } from 'zod';
import type { Wanted } from '../json-stream/keep-wanted-fields.ts';

const text = z.string().nullish();
const texts = z.array(z.string()).nullish();
const port = z.number().int().min(0).max(65_535);

const portSchema = z.looseObject({
  IP: text,
  PrivatePort: port,
  PublicPort: port.nullish(),
  Type: text,
});

/** A port as `GET /containers/json` lists it. */
export type EnginePort = z.infer<typeof portSchema>;

const containerSummarySchema = z.looseObject({
  Id: z.string().min(1),
  Names: z.array(z.string()).nullish(),
  Image: text,
  ImageID: text,
  State: text,
  Status: text,
  Ports: z.array(portSchema).nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
  HostConfig: z.looseObject({ NetworkMode: text }).nullish(),
});

/** `GET /containers/json`: https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerList */
export const containerListSchema = z.array(containerSummarySchema);
/** What is kept of it; of the labels those that say how to act on a container. */
export const wantedOfSummary = {
  Id: true,
  Names: true,
  Image: true,
  ImageID: true,
  State: true,
  Status: true,
  Ports: true,
  Labels: (key: string) => /^(?:com\.docker\.compose|ondemand)\./.test(key),
  HostConfig: { NetworkMode: true },
} as const satisfies Wanted;
export type ContainerSummary = z.infer<typeof containerSummarySchema>;

/** `GET /containers/{id}/json`, as far as actions and logs need it. */
export const containerInspectSchema = z.looseObject({
  Id: z.string().min(1),
  Name: text,
  State: z.looseObject({
    Status: text,
    Running: z.boolean().nullish(),
    StartedAt: text,
    FinishedAt: text,
  }),
  Config: z
    .looseObject({
      Tty: z.boolean().nullish(),
      /** In seconds; -1 waits without limit. */
      StopTimeout: z.number().nullish(),
    })
    .nullish(),
  /** Of which other containers it needs something. */
  HostConfig: z
    .looseObject({ NetworkMode: text, PidMode: text, IpcMode: text, VolumesFrom: texts })
    .nullish(),
});
export type ContainerInspect = z.infer<typeof containerInspectSchema>;
export const wantedOfInspect = {
  Id: true,
  Name: true,
  State: { Status: true, Running: true, StartedAt: true, FinishedAt: true },
  Config: { Tty: true, StopTimeout: true },
  HostConfig: { NetworkMode: true, PidMode: true, IpcMode: true, VolumesFrom: true },
} as const satisfies Wanted;

const textMap = z.record(z.string(), z.string()).nullish();
const amount = z.number().nullish();

const healthSchema = z.looseObject({
  Status: text,
  FailingStreak: amount,
  Log: z.array(z.looseObject({ Start: text, ExitCode: amount, Output: text })).nullish(),
});

const mountSchema = z.looseObject({
  Type: text,
  Name: text,
  Source: text,
  Destination: text,
  RW: z.boolean().nullish(),
});

const networkSchema = z.looseObject({
  IPAddress: text,
  GlobalIPv6Address: text,
  Gateway: text,
  IPv6Gateway: text,
  MacAddress: text,
  Aliases: texts,
});

const portBindingSchema = z.looseObject({ HostIp: text, HostPort: text });

/** `GET /containers/{id}/json`, all that is shown of it: https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerInspect */
export const containerDetailsSchema = z.looseObject({
  Id: z.string().min(1),
  Name: text,
  Created: text,
  Image: text,
  Path: text,
  Args: texts,
  RestartCount: amount,
  State: z.looseObject({
    Status: text,
    Running: z.boolean().nullish(),
    OOMKilled: z.boolean().nullish(),
    ExitCode: amount,
    Error: text,
    StartedAt: text,
    FinishedAt: text,
    Health: healthSchema.nullish(),
  }),
  Config: z
    .looseObject({
      Image: text,
      User: text,
      Tty: z.boolean().nullish(),
      WorkingDir: text,
      Env: texts,
      Labels: textMap,
      Healthcheck: z.looseObject({ Test: texts }).nullish(),
    })
    .nullish(),
  HostConfig: z
    .looseObject({
      RestartPolicy: z.looseObject({ Name: text, MaximumRetryCount: amount }).nullish(),
      Memory: amount,
      MemorySwap: amount,
      NanoCpus: amount,
      CpuQuota: amount,
      CpuPeriod: amount,
      CpuShares: amount,
      PidsLimit: amount,
      Tmpfs: textMap,
    })
    .nullish(),
  Mounts: z.array(mountSchema).nullish(),
  NetworkSettings: z
    .looseObject({
      Ports: z.record(z.string(), z.array(portBindingSchema).nullish()).nullish(),
      Networks: z.record(z.string(), networkSchema.nullish()).nullish(),
    })
    .nullish(),
});
export type ContainerDetails = z.infer<typeof containerDetailsSchema>;
export const wantedOfDetails = {
  Id: true,
  Name: true,
  Created: true,
  Image: true,
  Path: true,
  Args: true,
  RestartCount: true,
  State: true,
  Config: {
    Image: true,
    User: true,
    Tty: true,
    WorkingDir: true,
    Env: true,
    Labels: () => true,
    Healthcheck: true,
  },
  HostConfig: {
    RestartPolicy: true,
    Memory: true,
    MemorySwap: true,
    NanoCpus: true,
    CpuQuota: true,
    CpuPeriod: true,
    CpuShares: true,
    PidsLimit: true,
    Tmpfs: true,
  },
  Mounts: true,
  NetworkSettings: { Ports: true, Networks: true },
} as const satisfies Wanted;

/** `GET /containers/{id}/json`, as far as the idle stop needs it. */
export const containerUseSchema = z.looseObject({
  Id: z.string().min(1),
  State: z.looseObject({ Running: z.boolean().nullish(), Pid: amount }),
  Config: z.looseObject({ ExposedPorts: z.record(z.string(), z.unknown()).nullish() }).nullish(),
  HostConfig: z.looseObject({ NetworkMode: text }).nullish(),
  NetworkSettings: z
    .looseObject({
      Ports: z.record(z.string(), z.array(portBindingSchema).nullish()).nullish(),
      Networks: z.record(z.string(), networkSchema.nullish()).nullish(),
    })
    .nullish(),
});
export type ContainerUse = z.infer<typeof containerUseSchema>;
export const wantedOfUse = {
  Id: true,
  State: { Running: true, Pid: true },
  Config: { ExposedPorts: true },
  HostConfig: { NetworkMode: true },
  NetworkSettings: { Ports: true, Networks: true },
} as const satisfies Wanted;

export const createdExecSchema = z.looseObject({ Id: z.string().min(1) });
/** `GET /exec/{id}/json`: https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Exec/operation/ExecInspect */
export const execSchema = z.looseObject({ Running: z.boolean(), ExitCode: amount });

const cpuSchema = z
  .looseObject({
    cpu_usage: z
      .looseObject({ total_usage: amount, percpu_usage: z.array(z.number()).nullish() })
      .nullish(),
    system_cpu_usage: amount,
    online_cpus: amount,
  })
  .nullish();

const trafficSchema = z.looseObject({ rx_bytes: amount, tx_bytes: amount }).nullish();

/** `GET /containers/{id}/stats`: https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerStats */
export const statsSchema = z.looseObject({
  read: text,
  cpu_stats: cpuSchema,
  precpu_stats: cpuSchema,
  memory_stats: z
    .looseObject({
      usage: amount,
      limit: amount,
      stats: z.record(z.string(), z.number()).nullish(),
    })
    .nullish(),
  networks: z.record(z.string(), trafficSchema).nullish(),
  blkio_stats: z
    .looseObject({
      io_service_bytes_recursive: z.array(z.looseObject({ op: text, value: amount })).nullish(),
    })
    .nullish(),
  pids_stats: z.looseObject({ current: amount }).nullish(),
});
export type EngineStats = z.infer<typeof statsSchema>;

const attributesSchema = z.record(z.string(), z.string()).nullish();

/** One object of `GET /events`, Docker's or Podman's: https://docs.docker.com/reference/api/engine/version/v1.51/#tag/System/operation/SystemEvents */
export const engineEventSchema = z.looseObject({
  Type: text,
  Action: text,
  Actor: z.looseObject({ ID: text, Attributes: attributesSchema }).nullish(),
  time: amount,
  timeNano: amount,
  /** Until API 1.51. */
  status: text,
  id: text,
  from: text,
  /** Podman's own. */
  Name: text,
  Status: text,
  ID: text,
  Image: text,
  Attributes: attributesSchema,
  HealthStatus: text,
});
export type RawEngineEvent = z.infer<typeof engineEventSchema>;

/** `GET /version`: https://docs.docker.com/reference/api/engine/version/v1.51/#tag/System/operation/SystemVersion */
export const versionSchema = z.looseObject({ Version: z.string().max(100) });
