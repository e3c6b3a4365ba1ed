// Docker's HTTP API over its socket: the same answers as from the docker CLI, without a process for each.

import { createHttpClient } from '../support/http-client.ts';

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
    /** Only of one with a health check. */
    readonly Health?: { readonly Status: string };
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

/** What `docker ps -a` has in its column STATUS, by any order. */
export async function listStatuses(socketPath: string): Promise<readonly string[]> {
  using client = createHttpClient({ target: { socketPath } });
  const list = JSON.parse((await client.get('/containers/json?all=1')).toString());
  return (list as { readonly Status: string }[]).map(({ Status }) => Status);
}

/** All that the container wrote so far; unless it has a TTY, with the bytes of Docker's frames in between. */
export async function readContainerLog(socketPath: string, name: string): Promise<string> {
  using client = createHttpClient({ target: { socketPath } });
  const streams = 'stdout=1&stderr=1';
  return (await client.get(`/containers/${name}/logs?${streams}`)).toString();
}

/** Rejects while nothing answers. */
export async function pingEngine(socketPath: string): Promise<void> {
  using client = createHttpClient({ target: { socketPath } });
  await client.get('/_ping');
}
