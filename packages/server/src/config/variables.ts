// The environment: each variable is defined here once, with its default and what it is for.

import {
  defaultAnnounceMinutes,
  defaultCpuPercent,
  dockerTransports,
  ociAuths,
} from '@ondemand/core';
import { z } from 'zod';
import { auditOnFailure } from '../audit/trail.ts';
import { defaultCallsPerMinute, defaultKeepAliveSeconds } from '../limits/request-limits.ts';
import {
  baseUrl,
  issuer,
  listenHost,
  origins,
  proxies,
  redisUrl,
  sshHost,
  url,
} from './addresses.ts';
import {
  amount,
  claimPaths,
  file,
  fingerprint,
  folders,
  headers,
  limit,
  oneOf,
  pairs,
  port,
  portOrOff,
  scopeToken,
  seconds,
  secret,
  share,
  span,
  text,
  truth,
  typs,
} from './value-parsers.ts';

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration */
const ownSamplers = ['always_on', 'always_off', 'traceidratio'] as const;
const samplers = [...ownSamplers, ...ownSamplers.map((name) => `parentbased_${name}` as const)];

/** By variable name, in the order of the table in docs/configuration.md, which is made from this. */
export const environmentSchema = z.object({
  HOST: listenHost
    .default('127.0.0.1')
    .describe(
      'address to listen on; `0.0.0.0` in a container, which its proxy reaches by its own network',
    ),
  PORT: port.default(5000).describe('port to listen on'),
  PUBLIC_URL: baseUrl
    .optional()
    .describe(
      "what users call the API by, the first of OpenAPI's `servers`; from `HOST` and `PORT` if left out",
    ),
  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('JSON lines on stdout; pretty only in a terminal'),
  TRUST_PROXY: proxies
    .default(false)
    .describe(
      'addresses or networks, comma-separated, whose `X-Forwarded-*` is believed; no number of hops, which Fastify takes no longer; `true` believes everyone, so only behind a proxy that overwrites these headers; nobody if left out, or `off`',
    ),
  CORS_ORIGINS: origins
    .default([])
    .describe(
      'comma-separated origins whose pages may call the API from a browser, e.g. `https://app.example.com`',
    ),
  RATE_LIMIT_PER_MINUTE: limit
    .default(defaultCallsPerMinute)
    .describe(
      'calls by one token subject, and a tenth of it for failed authentication from one address; 0 for no limit',
    ),
  RATE_LIMIT_REDIS_URL: redisUrl
    .optional()
    .describe(
      'e.g. `redis://127.0.0.1:6379`: all processes count in it together; while it is away, each counts for itself',
    ),
  AUDIT_LOG_FILE: file
    .optional()
    .describe(
      'lines of JSON are appended for each call that changes something, or tries to: what it intends, and how it went',
    ),
  AUDIT_ON_FAILURE: oneOf(auditOnFailure)
    .default('refuse')
    .describe(
      'while `AUDIT_LOG_FILE` cannot be written: `refuse` changes nothing but power-off, `log` goes on with the log alone',
    ),
  IDLE_STOP_AFTER_MINUTES: span
    .optional()
    .describe(
      'the VM gets a soft stop once nothing has used it for so long, see docs/on-demand.md; off if left out, or `off`',
    ),
  IDLE_ANNOUNCE_MINUTES: amount
    .default(defaultAnnounceMinutes)
    .describe('how long ahead such a stop is announced: an event, a line in the log, and `wall`'),
  IDLE_CPU_PERCENT: amount
    .default(defaultCpuPercent)
    .describe('containers that together use more than this of one core count as use'),
  IDLE_STOP_DRY_RUN: truth.default(false).describe('`true` only announces, and stops nothing'),
  MAX_ON_HOURS: span
    .optional()
    .describe(
      'after so many hours the VM is stopped although it is used; a lease puts that off; off if left out, or `off`',
    ),
  METRICS_PORT: portOrOff
    .optional()
    .describe(
      'Prometheus reads `/metrics` on this port of `HOST`, without a token: see docs/metrics.md; off if left out, or `off`',
    ),
  OTEL_EXPORTER_OTLP_ENDPOINT: baseUrl
    .optional()
    .describe(
      'spans go to `/v1/traces` below this URL, as OTLP in JSON, e.g. `http://127.0.0.1:4318`: see docs/metrics.md; off if left out',
    ),
  OTEL_EXPORTER_OTLP_HEADERS: headers
    .optional()
    .describe('sent with them, `name=value` pairs, comma-separated'),
  OTEL_SERVICE_NAME: text.default('ondemand-server').describe('what traces call this service'),
  OTEL_RESOURCE_ATTRIBUTES: pairs
    .optional()
    .describe('what is told of it with each trace, `name=value` pairs, comma-separated'),
  OTEL_TRACES_SAMPLER: oneOf(samplers)
    .default('parentbased_always_on')
    .describe('which requests are traced; `parentbased_…`: those of a `traceparent` as that says'),
  OTEL_TRACES_SAMPLER_ARG: share
    .default(1)
    .describe('how large a share of them, from 0 to 1, with `traceidratio`'),
  SHUTDOWN_GRACE_SECONDS: seconds
    .default(10)
    .describe('after SIGTERM or SIGINT: how long requests under way may take'),
  KEEP_ALIVE_SECONDS: seconds
    .default(defaultKeepAliveSeconds)
    .describe('how long an idle connection is kept: longer than proxies keep theirs'),
  OIDC_ISSUER: issuer.describe('the issuer of the tokens, e.g. `https://auth.example.com`'),
  OIDC_AUDIENCE: text.describe('the `aud` that a token must carry'),
  OIDC_JWKS_URI: url.optional().describe("the issuer's keys; discovered if left out"),
  OIDC_INTROSPECTION_URI: url
    .optional()
    .describe('where opaque tokens are checked; discovered if left out'),
  OIDC_CLIENT_ID: text
    .optional()
    .describe(
      'this API as a client of the issuer; with it opaque tokens are accepted too, by introspection',
    ),
  OIDC_CLIENT_SECRET: secret.optional().describe('of that client'),
  OIDC_ACCESS_TOKEN_TYP: typs
    .default(['at+jwt'])
    .describe(
      'which header `typ` a JWT may have, comma-separated; `at+jwt,JWT` for issuers that do not follow RFC 9068 (Keycloak, Authentik, Entra): then ID tokens are told by their claims, and `azp` serves as `client_id`',
    ),
  OIDC_SCOPES_CLAIM: claimPaths
    .default(['scope', 'scp'])
    .describe(
      'where scopes are read, comma-separated, also a path into the claims (`realm_access.roles`, `groups`); where several are there, what all of them grant',
    ),
  OIDC_READ_SCOPE: scopeToken.default('read').describe("the issuer's name of the scope `read`"),
  OIDC_WAKE_SCOPE: scopeToken.default('wake').describe("the issuer's name of the scope `wake`"),
  OIDC_ADMIN_SCOPE: scopeToken.default('admin').describe("the issuer's name of the scope `admin`"),
  OIDC_WEB_CLIENT_ID: text
    .optional()
    .describe(
      'the page at `/` as a public client of the issuer (authorization code with PKCE), see docs/page.md; without it the page takes a pasted token only',
    ),
  RETURN_ORIGINS: origins
    .default([])
    .describe(
      'comma-separated origins that `/wake/{name}?to=URL` may lead on to, e.g. `https://cloud.example.com`',
    ),
  OCI_INSTANCE_ID: text
    .regex(/^ocid1\.instance\.[\w.-]+$/, "must be an instance's OCID, ocid1.instance.…")
    .describe("the instance's OCID"),
  OCI_AUTH: oneOf(ociAuths, { error: ({ input }) => toOciAuthProblem(input) })
    .default('config')
    .describe('how the API signs: a key in the config, a session token, or the VM it runs on'),
  OCI_CONFIG_FILE: file.prefault('~/.oci/config').describe("the OCI CLI's config file"),
  OCI_CONFIG_PROFILE: text.default('DEFAULT').describe('the profile in it'),
  OCI_REGION: text.optional().describe('from the config if left out'),
  OCI_ENDPOINT: baseUrl.optional().describe('without `/20160918`; for other realms and emulators'),
  OCI_TIMEOUT_SECONDS: seconds.default(10).describe('per attempt'),
  SSH_HOST: sshHost
    .optional()
    .describe("the VM's public IP if left out, looked up again whenever the VM was started"),
  SSH_PORT: port.default(22).describe('port of `sshd`'),
  SSH_USER: text.default('opc').describe('a user who may use Docker'),
  SSH_PRIVATE_KEY_FILE: file
    .optional()
    .describe('key of that user; the agent at `SSH_AUTH_SOCK` if left out'),
  SSH_PRIVATE_KEY_PASSPHRASE: secret.optional().describe('of an encrypted key'),
  SSH_AUTH_SOCK: text.optional().describe('the SSH agent, used when no key file is given'),
  SSH_KNOWN_HOSTS_FILE: file.prefault('~/.ssh/known_hosts').describe('host keys that are accepted'),
  SSH_HOST_KEY_FINGERPRINT: fingerprint
    .optional()
    .describe('`SHA256:…` as `ssh-keygen -l` prints it; wins over the file'),
  SSH_CONNECT_TIMEOUT_SECONDS: seconds.default(10).describe('to connect and authenticate'),
  SSH_KEEPALIVE_SECONDS: seconds
    .default(5)
    .describe('a VM that says nothing for four times this is gone'),
  DOCKER_SOCKET: text
    .startsWith('/', 'must be an absolute path')
    .default('/var/run/docker.sock')
    .describe("Docker's socket on the VM"),
  DOCKER_TRANSPORT: oneOf(dockerTransports)
    .default('auto')
    .describe(
      'how to reach it: forwarded (direct-streamlocal), or through `docker system dial-stdio`; auto tries them in this order',
    ),
  COMPOSE_COMMAND: oneOf(['auto', 'docker compose', 'docker-compose'])
    .transform((value) => (value === 'auto' ? undefined : value))
    .optional()
    .describe('whichever the VM has if left out, or `auto`'),
  REBUILD_WAIT_SECONDS: seconds
    .optional()
    .describe(
      'how long a rebuild request without a `Prefer` header waits for the end of the build before it is answered with the running job, and a wake for the VM to be ready; if left out, 45 where `TRUST_PROXY` is set, else no limit',
    ),
  COMPOSE_ROOTS: folders
    .default([])
    .describe(
      'colon-separated folders on the VM; a rebuild outside them is refused; any if left out, with a warning',
    ),
});

export type Config = z.infer<typeof environmentSchema>;

/** The oci CLI's words for the same, `--auth`, are what people try first. */
function toOciAuthProblem(input: unknown): string {
  const meant = { api_key: 'config', security_token: 'session' }[String(input).toLowerCase()];
  const known = ociAuths.join(', ');
  return meant === undefined
    ? `must be one of ${known}`
    : `what the oci CLI calls ${String(input).toLowerCase()} is '${meant}' here; must be one of ${known}`;
}

export const variableNames: readonly string[] = Object.keys(environmentSchema.shape);

/** Such a variable may also be given as `NAME_FILE`, a path to a file that holds it. */
export function isSecret(name: string): boolean {
  return /_(?:SECRET|PASSPHRASE|OTLP_HEADERS)$/.test(name);
}

export interface ParsedConfig {
  /** What could be used; whole when there are no problems. */
  readonly config: Partial<Config>;
  /** A line each, beginning with the variable's name; a value is never repeated, it may be a secret. */
  readonly problems: readonly string[];
}

/** All problems at once. An empty variable counts as left out. */
export function parseConfig(
  environment: Readonly<Record<string, string | undefined>>,
): ParsedConfig {
  const results = Object.entries(environmentSchema.shape).map(([name, schema]) => {
    const value = environment[name] || undefined;
    return { name, value, result: schema.safeParse(value) };
  });
  return {
    config: Object.fromEntries(
      results.flatMap(({ name, result }) => (result.success ? [[name, result.data]] : [])),
    ),
    problems: results.flatMap(({ name, value, result }) => {
      if (result.success) return [];
      const [issue] = result.error.issues;
      return [`${name}: ${value === undefined ? 'required' : (issue?.message ?? 'is not valid')}`];
    }),
  };
}

/** Throws unless the configuration is whole. */
export function requireConfig({ config, problems }: ParsedConfig): Config {
  if (problems.length > 0) throw new Error(`configuration problems: ${problems.join('; ')}`);
  return config as Config; // no problems, so nothing is missing
}
