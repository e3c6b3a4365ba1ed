// The diagnosis of this process: core's, with what only the server knows: its configuration and its issuer.

import { createDiagnosis, type Diagnose, systemClock } from '@ondemand/core';
import type { Config } from '../config/variables.ts';
import { toClaimRules, toIdleSettings, toIntrospectionClient } from '../process/adapter-options.ts';
import type { Adapters } from '../process/adapters.ts';
import { openVm } from './dedicated-vm-connection.ts';
import { checkIssuer } from './issuer-checks.ts';

export interface ServerDiagnosisOptions {
  readonly adapters: Adapters;
  readonly checkConfiguration: () => Promise<ConfigurationFinding>;
  readonly onUnexpected?: (error: unknown) => void;
}

export interface ConfigurationFinding {
  readonly name: 'configuration';
  readonly status: 'ok' | 'failed';
  readonly message: string;
  readonly details?: { readonly problems: string[] };
}

export function createServerDiagnosis(
  config: Config,
  { adapters, checkConfiguration, onUnexpected = () => {} }: ServerDiagnosisOptions,
): Diagnose {
  const { compute, connection, ociClockOffsetMs } = adapters;
  const { stopAfter, maxOn, announce, dryRun } = toIdleSettings(config);
  return createDiagnosis({
    compute,
    ociClockOffsetMs,
    knownHost: async () => (connection.connected ? (await connection.address()).host : undefined),
    openVm: (host) => openVm(config, host),
    async checkOwn() {
      const [configuration, issuer] = await Promise.all([
        checkConfiguration(),
        checkIssuer({
          rules: toClaimRules(config),
          jwksUri: config.OIDC_JWKS_URI,
          introspectionUri: config.OIDC_INTROSPECTION_URI,
          client: toIntrospectionClient(config),
        }),
      ]);
      return { ...issuer, checks: [configuration, ...issuer.checks] };
    },
    settings: {
      sshHost: config.SSH_HOST,
      connectTimeoutMs: config.SSH_CONNECT_TIMEOUT_SECONDS * 1000,
      idle: { stopAfter, maxOn, announce, dryRun },
    },
    clock: systemClock,
    onUnexpected,
  });
}
