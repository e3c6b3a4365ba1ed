// Docker's HTTP API over its socket: the same answers as from the docker CLI, without a process for each.

import { createHttpClient } from '../bench/http-client.ts';

/** What tests want to know of a container, as Docker names it: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerInspect */
export interface InspectedContainer {
  readonly Id: string;
  readonly LogPath: string;
  readonly Config: {
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly HostConfig: { readonly NetworkMode: string };
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly StartedAt: string;
  };
}

/** Rejects unless there is such a container. */
export async function inspectContainer(
  socketPath: string,
  name: string,
): Promise<InspectedContainer> {
  using client = createHttpClient({ target: { socketPath } });
  return JSON.parse((await client.get(`/containers/${name}/json`)).toString());
}

/** Rejects while nothing answers. */
export async function pingEngine(socketPath: string): Promise<void> {
  using client = createHttpClient({ target: { socketPath } });
  await client.get('/_ping');
}
