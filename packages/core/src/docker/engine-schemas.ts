// What we read of the engine's answers, checked before use: unknown fields and values pass, a wrong shape does not.

import { z } from 'zod';

const text = z.string().nullish();
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
});

/** `GET /containers/json`: https://docs.docker.com/reference/api/engine/version/v1.51/#tag/Container/operation/ContainerList */
export const containerListSchema = z.array(containerSummarySchema);
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
      /** In seconds; -1 waits for ever. */
      StopTimeout: z.number().nullish(),
    })
    .nullish(),
});
export type ContainerInspect = z.infer<typeof containerInspectSchema>;
