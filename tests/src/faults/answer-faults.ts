// What Docker, OCI and the issuer can answer, or leave unanswered: only the sandbox's can be brought to do so.

import type { DockerFaults, OciFaults, OidcFaults, Sandbox } from '@ondemand/sandbox';
import { test } from 'vitest';
import type { FaultyServer, Refusal } from './faulty-server.ts';
import { containers } from './test-containers.ts';
import { type Fault, isFull, survive } from './under-load.ts';

type Case = Omit<Fault, 'repair' | 'inject'> & {
  inject(sandbox: Sandbox): unknown;
  /** Beside the end of all faults. */
  repair?(sandbox: Sandbox): unknown;
  readonly isShort?: boolean;
};

/** All of them in the full form; else one of each kind. */
export function declareAnswerFaults(getApi: () => FaultyServer): void {
  const cases = [...dockerCases(), ...vmCases, ...ociCases(), ...issuerCases(getApi)];
  for (const { inject, repair, isShort, ...fault } of cases) {
    if (!isFull && !isShort) continue;
    test.sequential(`${fault.part}: ${fault.name}`, async () => {
      const api = getApi();
      await survive(api, {
        ...fault,
        inject: async () => {
          await inject(api.sandbox);
          // What is open already may go on working, which is no fault.
          if (fault.part !== 'OCI' && fault.part !== 'The issuer') api.proxy.reset();
        },
        repair: async () => {
          api.sandbox.faults.reset();
          await repair?.(api.sandbox);
        },
      });
    });
  }
}

function dockerCases(): readonly Case[] {
  const docker = (name: string, faults: DockerFaults, more: Partial<Case> = {}): Case => ({
    ...{ part: 'Docker', name },
    inject: (sandbox) => Object.assign(sandbox.faults.docker, faults),
    ...more,
  });
  const told = (reason: string, message: RegExp, path?: string) => ({
    refusal: { reason, message, ...(path !== undefined && { path }) },
  });
  const logs = `/containers/${containers.app}/logs`;
  const tooOld = 'client version 1.41 is too new. Maximum supported API version is 1.20';
  return [
    docker('answers 500', { status: 500 }, told('DOCKER_FAILED', /HTTP 500/)),
    docker('answers 503', { status: 503 }, told('DOCKER_FAILED', /HTTP 503/)),
    docker('answers late', { delayMs: 1_000 }),
    docker('does not answer', { hangs: true }, told('DOCKER_TIMEOUT', /did not answer in time/)),
    docker(
      'cuts its answers',
      { cutsBody: true },
      { ...told('DOCKER_CONNECTION_LOST', /hung up|lost/), isShort: true },
    ),
    docker(
      'has no socket',
      { socketMissing: true },
      told('DOCKER_SOCKET_MISSING', /Docker on oci-flex is not answering/),
    ),
    docker(
      'refuses every version of its API',
      { status: 400, message: tooOld, only: ({ path }) => path !== '/_ping' },
      told('DOCKER_UNFIT', /19\.03/),
    ),
    ...(['daemon-error', 'unknown-stream', 'oversize', 'truncated'] as const).map((badFrames) =>
      docker(`frames of a log: ${badFrames}`, { badFrames }, told('DOCKER_FAILED', /log/, logs)),
    ),
    docker('frames of a log: split byte by byte', { badFrames: 'split' }),
  ];
}

const vmCases: readonly Case[] = [
  {
    ...{ part: 'The VM', name: 'it falls, and OCI calls it RUNNING', isShort: true },
    inject: ({ vm }) => vm.powerOff(),
    repair: ({ vm }) => vm.powerOn(),
    refusal: { reason: 'HANDSHAKE_DROPPED', message: /not reachable/ },
  },
  {
    ...{ part: 'The VM', name: 'somebody else stops it' },
    inject: ({ world }) => world.setLifecycleState('STOPPED'),
    repair: ({ world }) => world.setLifecycleState('RUNNING'),
    refusal: { message: /not running \(STOPPED\).*POST \/vm\/start/ },
  },
  {
    ...{ part: 'The VM', name: 'its sshd forwards nothing and runs nothing' },
    inject: ({ faults }) => Object.assign(faults.ssh, { forwarding: false, exec: false }),
    refusal: { reason: 'DOCKER_UNREACHABLE', message: /neither by its socket.*MaxSessions/ },
  },
  {
    ...{ part: 'The VM', name: 'its sshd lets nobody in' },
    inject: ({ faults }) => Object.assign(faults.ssh, { auth: 'reject' }),
    refusal: { reason: 'AUTH_REJECTED', message: /refused the login/ },
  },
];

function ociCases(): readonly Case[] {
  const oci = (name: string, faults: OciFaults, refusal?: Refusal, more: Partial<Case> = {}) => ({
    ...{ part: 'OCI', name },
    inject: (sandbox: Sandbox) => Object.assign(sandbox.faults.oci, faults),
    ...(refusal !== undefined && { refusal: { path: '/vm/status', ...refusal } }),
    ...more,
  });
  const ours = (message: RegExp): Refusal => ({ code: 'INTERNAL_ERROR', message });
  const onAction: Pick<OciFaults, 'only'> = {
    only: ({ operation }) => operation === 'InstanceAction',
  };
  const reset = { method: 'POST', path: '/vm/reset' } as const;
  const changed: Refusal = { code: 'CONFLICT', message: /changing|changed/, ...reset };
  return [
    oci('does not know our key (401)', { status: 401 }, ours(/refused our credentials/)),
    oci('forbids it (403)', { status: 403 }, ours(/does not allow it/)),
    oci('does not know the instance (404)', { status: 404 }, ours(/OCI_INSTANCE_ID/)),
    oci('does not know the operation (501)', { status: 501 }, ours(/OCI_ENDPOINT/)),
    oci('has no subscription for it (402)', { status: 402 }, ours(/subscription/)),
    oci(
      'throttles (429)',
      { status: 429, retryAfterSeconds: 2 },
      { reason: 'THROTTLED', message: /throttles/ },
      { isShort: true },
    ),
    oci('throttles without Retry-After', { status: 429 }, { reason: 'THROTTLED', message: /429/ }),
    oci('fails (500)', { status: 500 }, { reason: 'OCI_FAILED', message: /HTTP 500/ }),
    oci('fails (503)', { status: 503 }, { reason: 'OCI_FAILED', message: /HTTP 503/ }),
    oci('does not answer', { hangs: true }, { reason: 'TIMEOUT', message: /no answer within/ }),
    oci('resets connections', { resets: true }, { reason: 'OCI_UNREACHABLE', message: /failed/ }),
    oci('answers late', { delayMs: 1_000 }),
    oci(
      'answers a page',
      { html: '<h1>Sign in</h1>' },
      { reason: 'UNREADABLE_ANSWER', message: /does not speak OCI's API/ },
    ),
    oci('refuses an action in this state (409)', { status: 409, ...onAction }, changed),
    oci('refuses an action by its ETag (412)', { status: 412, ...onAction }, changed),
    oci(
      'answers no more, from an action on',
      { losesAnswer: true, only: sinceAction() },
      { reason: 'OCI_UNREACHABLE', message: /outcome|unknown/, ...reset },
    ),
    oci(
      'is out of capacity',
      { outOfCapacity: true },
      {
        ...{ method: 'POST', path: '/vm/start' },
        ...{ reason: 'OUT_OF_CAPACITY', message: /no free host/ },
      },
      {
        inject({ world, faults }) {
          world.setLifecycleState('STOPPED');
          faults.oci.outOfCapacity = true;
        },
        repair: ({ world }) => world.setLifecycleState('RUNNING'),
      },
    ),
  ];
}

/** An action is carried out, and neither its answer nor any later one arrives. */
function sinceAction(): NonNullable<OciFaults['only']> {
  let hasActed = false;
  return ({ operation }) => {
    hasActed ||= operation === 'InstanceAction';
    return hasActed;
  };
}

function issuerCases(getApi: () => FaultyServer): readonly Case[] {
  const tokens = () => getApi().sandbox.tokens;
  const opaque = () => tokens().read({ format: 'opaque' });
  const jwt = () => tokens().read();
  const whoami = async (token: () => Promise<string>) =>
    getApi().get('/whoami', { token: await token() });
  const issuer = (
    name: string,
    faults: OidcFaults,
    { of = 'introspection', ...more }: Partial<Case> & { of?: 'introspection' | 'jwks' } = {},
  ): Case => {
    const token = of === 'jwks' ? jwt : opaque;
    return {
      ...{ part: 'The issuer', name: `${name} (${of})` },
      async inject({ oidc, faults: { oidc: settings } }) {
        // Keys that are known serve on: it takes one that is not.
        if (of === 'jwks') await oidc.rotateKeys({ keepOld: true });
        Object.assign(settings, faults, {
          only: ({ path }: { readonly path: string }) => path === oidc.paths[of],
        });
      },
      read: () => whoami(token),
      refusal: {
        ...{ path: '/whoami', token },
        ...{ reason: 'ISSUER_UNAVAILABLE', message: /issuer does not answer properly/ },
      },
      ...more,
    };
  };
  return [
    issuer('is down', { down: true }, { isShort: true }),
    issuer('is down', { down: true }, { of: 'jwks' }),
    issuer('throttles', { status: 429, retryAfterSeconds: 1 }),
    issuer('fails (500)', { status: 500 }),
    issuer('fails (502) with a page', { status: 502, html: '<h1>Bad Gateway</h1>' }),
    issuer('answers a page', { html: '<h1>Maintenance</h1>' }),
    issuer('answers a page', { html: '<h1>Maintenance</h1>' }, { of: 'jwks' }),
    issuer('refuses our secret (401)', { status: 401 }),
    issuer('forbids us (403)', { status: 403 }),
    issuer('is gone from there (404)', { status: 404 }),
    issuer('redirects', { redirectTo: 'http://127.0.0.1:1/' }),
    issuer('answers a list', { json: [] }),
    issuer('does not answer', { hangs: true }),
    issuer('does not answer', { hangs: true }, { of: 'jwks' }),
    (({ refusal: _, ...fault }) => fault)(issuer('answers late', { delayMs: 1_000 })),
  ];
}
