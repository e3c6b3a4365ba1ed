// The environment's variables as the options of what is built from them.

import type { Config } from '../config/variables.ts';

export function ociOptions(config: Partial<Config> & Pick<Config, 'OCI_AUTH'>) {
  return {
    instanceId: config.OCI_INSTANCE_ID,
    auth: config.OCI_AUTH,
    configFile: config.OCI_CONFIG_FILE,
    profile: config.OCI_CONFIG_PROFILE,
    region: config.OCI_REGION,
    endpoint: config.OCI_ENDPOINT,
  };
}

export function sshOptions(config: Partial<Config>) {
  return {
    privateKeyFile: config.SSH_PRIVATE_KEY_FILE,
    passphrase: config.SSH_PRIVATE_KEY_PASSPHRASE,
    agentSocket: config.SSH_AUTH_SOCK,
    hostKeyFingerprint: config.SSH_HOST_KEY_FINGERPRINT,
    knownHostsFile: config.SSH_KNOWN_HOSTS_FILE,
  };
}

export function toIntrospectionClient({ OIDC_CLIENT_ID: id, OIDC_CLIENT_SECRET: secret }: Config) {
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export function toIdleSettings(config: Config) {
  const { IDLE_STOP_AFTER_MINUTES: minutes, MAX_ON_HOURS: hours } = config;
  return {
    stopAfter: minutes === undefined ? undefined : minutes * 60,
    maxOn: hours === undefined ? undefined : hours * 3600,
    announce: config.IDLE_ANNOUNCE_MINUTES * 60,
    cpuPercent: config.IDLE_CPU_PERCENT,
    dryRun: config.IDLE_STOP_DRY_RUN,
  };
}

/** Proxies give a request up after 50 or 60 s. */
export function toWaitMs({ REBUILD_WAIT_SECONDS: seconds, TRUST_PROXY }: Config) {
  const given = seconds ?? (TRUST_PROXY === false ? undefined : 45);
  return given === undefined ? undefined : given * 1000;
}

export function toScopeNames(config: Config) {
  return {
    read: config.OIDC_READ_SCOPE,
    wake: config.OIDC_WAKE_SCOPE,
    admin: config.OIDC_ADMIN_SCOPE,
  };
}

export function toClaimRules(config: Config) {
  return {
    issuer: config.OIDC_ISSUER,
    audience: config.OIDC_AUDIENCE,
    scopesClaims: config.OIDC_SCOPES_CLAIM,
    scopeNames: toScopeNames(config),
  };
}
