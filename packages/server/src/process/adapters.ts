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
  type SshEvent,
} from '@ondemand/core';
import type { Config } from '../config/config.ts';
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
  const connection = createSshConnection({
    ...sshOptions(config),
    resolveHost: async ({ signal }) => {
      const host = config.SSH_HOST ?? (await compute.getPublicIp({ signal }));
      if (host === undefined) throw noPublicIp();
      return host;
    },
    port: config.SSH_PORT,
    username: config.SSH_USER,
    connectTimeoutMs: config.SSH_CONNECT_TIMEOUT_SECONDS * 1000,
    keepaliveMs: config.SSH_KEEPALIVE_SECONDS * 1000,
    onEvent: onSshEvent,
  });
  const engine = createEngine({
    channels: connection,
    socketPath: config.DOCKER_SOCKET,
    transport: config.DOCKER_TRANSPORT,
    ...(onDockerRequest && { onRequest: onDockerRequest }),
  });
  return { compute, connection, engine, ociClockOffsetMs: () => offsetMs };
}
