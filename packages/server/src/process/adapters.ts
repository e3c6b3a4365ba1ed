// The adapters that a configuration names: OCI, the SSH connection, Docker on it.

import {
  type Compute,
  createEngine,
  createOciCompute,
  createSshConnection,
  type DockerEngine,
  type EngineOptions,
  noPublicIp,
  type OciComputeOptions,
  type SerialConsole,
  type SshConnection,
  type SshConnectionOptions,
  type SshEvent,
} from '@ondemand/core';
import type { Config } from '../config/variables.ts';
import { ociOptions, sshOptions } from './adapter-options.ts';

export interface Adapters {
  readonly compute: Compute & SerialConsole & AsyncDisposable;
  readonly connection: SshConnection;
  readonly engine: DockerEngine;
  /** How far OCI's clock was ahead of this machine's when it last answered. */
  readonly ociClockOffsetMs: () => number | undefined;
}

/** Told of what they do. */
export interface AdapterWatch {
  readonly onSshEvent: (event: SshEvent) => void;
  readonly onOciRequest?: NonNullable<OciComputeOptions['onRequest']>;
  readonly onDockerRequest?: NonNullable<EngineOptions['onRequest']>;
}

/** Tells each of everything. */
export function toOneWatch(watches: readonly AdapterWatch[]): AdapterWatch {
  return {
    onSshEvent(event) {
      for (const watch of watches) watch.onSshEvent(event);
    },
    onOciRequest(...request) {
      for (const watch of watches) watch.onOciRequest?.(...request);
    },
    onDockerRequest(event) {
      for (const watch of watches) watch.onDockerRequest?.(event);
    },
  };
}

/** Builds them; nothing is opened before their first use. Dispose each. */
export function createAdapters(
  config: Config,
  { onSshEvent, onOciRequest, onDockerRequest }: AdapterWatch,
): Adapters {
  let offsetMs: number | undefined;
  const compute = createOciCompute({
    ...ociOptions(config),
    instanceId: config.OCI_INSTANCE_ID,
    timeoutMs: config.OCI_TIMEOUT_SECONDS * 1000,
    ...(onOciRequest && { onRequest: onOciRequest }),
    onDate(date) {
      offsetMs = date.getTime() - Date.now();
    },
  });
  const connection = createConnection(config, {
    resolveHost: async ({ signal }) => {
      const host = config.SSH_HOST ?? (await compute.getPublicIp({ signal }));
      if (host === undefined) throw noPublicIp();
      return host;
    },
    onEvent: onSshEvent,
  });
  const engine = createEngine({
    ...engineOptions(config),
    channels: connection,
    ...(onDockerRequest && { onRequest: onDockerRequest }),
  });
  return { compute, connection, engine, ociClockOffsetMs: () => offsetMs };
}

export function createConnection(
  config: Config,
  options: Pick<SshConnectionOptions, 'resolveHost' | 'onEvent'>,
): SshConnection {
  return createSshConnection({
    ...sshOptions(config),
    ...options,
    port: config.SSH_PORT,
    username: config.SSH_USER,
    connectTimeoutMs: config.SSH_CONNECT_TIMEOUT_SECONDS * 1000,
    keepaliveMs: config.SSH_KEEPALIVE_SECONDS * 1000,
  });
}

export function engineOptions(config: Config) {
  return { socketPath: config.DOCKER_SOCKET, transport: config.DOCKER_TRANSPORT };
}
