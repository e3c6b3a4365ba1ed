// A real OpenID issuer on loopback: its own clients, faults in front of it, keys that can rotate under it.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Faults, type OidcFaults, type OidcSubject, takeFault } from '../faults.ts';
import { type HttpListener, listenHttp, pause } from '../http-listener.ts';
import { createClients, type OidcClients } from './clients.ts';
import { decideDevice, serveDevicePage } from './device-page.ts';
import { forgeJwt, type JwtPart } from './forge-token.ts';
import { type OidcPaths, toPaths } from './issuer-flavours.ts';
import { createProvider, type OidcSettings } from './provider.ts';
import { createRateLimits } from './rate-limits.ts';
import { serveSignInPage, signInPath } from './sign-in-page.ts';
import { createFirstKeys, createSigningKeys, type SigningKey, selectKey } from './signing-keys.ts';
import { createStorage } from './storage.ts';
import { createTokens, type Tokens } from './tokens.ts';

export interface OidcOptions {
  readonly faults: Faults;
  readonly settings?: Partial<OidcSettings>;
}

export interface Oidc extends AsyncDisposable {
  /** `OIDC_ISSUER`: the address, without a trailing slash. */
  readonly issuer: string;
  /** `OIDC_AUDIENCE`. */
  readonly audience: string;
  readonly clients: OidcClients;
  readonly settings: OidcSettings;
  /** Where its endpoints are, below `issuer`. */
  readonly paths: OidcPaths;
  readonly tokens: Tokens;
  /** Every request since the start or the last `clear()`, in order of arrival. */
  readonly requests: readonly OidcSubject[];
  /** How many requests came to this path, e.g. `/jwks`. */
  count(path: string): number;
  clear(): void;
  /**
   * New signing keys. The old ones are withdrawn, and what they signed is void, unless `keepOld`.
   * Opaque tokens, grants and devices that wait are not touched.
   */
  rotateKeys(options?: { readonly keepOld?: boolean }): Promise<void>;
  /**
   * A JWT signed by the issuer's real key (the one for `header.alg`, else RS256). `claims` and `header` replace those of
   * a valid admin token; undefined removes one. A string is the payload as it stands.
   */
  sign(claims?: JwtPart | string, header?: JwtPart): string;
  /** The same with a foreign key under the issuer's `kid`. */
  signForeign(claims?: JwtPart | string, header?: JwtPart): string;
  /** Lets the device with this user code in, as a person would; false when none waits. */
  approveDevice(userCode: string): Promise<boolean>;
  denyDevice(userCode: string): Promise<boolean>;
}

const toSettings = (chosen: Partial<OidcSettings> = {}): OidcSettings => ({
  accessTokenTtlSeconds: 12 * 3600,
  signingAlgorithm: 'RS256',
  flavour: 'plain',
  scopeClaim: chosen.flavour === 'authelia' ? 'scp' : 'scope',
  rateLimits: false,
  now: () => Date.now(),
  deviceIntervalSeconds: 5,
  duringRenewal: async () => {},
  ...chosen,
});

/** Listens when it resolves. Disposing ends hanging requests and the listener. */
export async function createOidc({ faults, settings: chosen }: OidcOptions): Promise<Oidc> {
  const settings = toSettings(chosen);
  const paths = toPaths(settings.flavour);
  const audience = 'https://ondemand.example/api';
  const audiences = new Set([audience]);
  const clients = createClients();
  const storage = createStorage(() => new Date());
  const requests: OidcSubject[] = [];
  const { own, foreign } = await createFirstKeys();
  let keys = own;

  const listener = await listenHttp((own) => (request, response) => {
    serve(request, response, own).catch(() => response.destroy());
  });
  const issuer = listener.url;
  const succeeded = new WeakSet<object>();
  const parts = { issuer, audience, audiences, clients, settings, storage, succeeded };
  const limitsOf = new Map(
    [paths.token, paths.introspection].map((path) => [
      path,
      createRateLimits(() => settings.now()),
    ]),
  );
  let provider = createProvider(parts, keys);
  let callback = provider.callback();

  const decide = (userCode: string, allow: boolean): Promise<boolean> =>
    decideDevice(provider, { userCode, allow, audience });

  /** Also ends when the fault is removed. */
  async function pauseWhileDelayed(ms: number, closing: AbortSignal): Promise<void> {
    const removed = new AbortController();
    const stopWatching = faults.onChange(() => {
      if (faults.oidc.delayMs === undefined) removed.abort();
    });
    await pause(ms, AbortSignal.any([closing, removed.signal]));
    stopWatching();
  }

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    { closing }: HttpListener,
  ): Promise<void> {
    const path = (request.url ?? '/').replace(/\?.*$/s, '');
    const subject: OidcSubject = { method: request.method ?? 'GET', path };
    requests.push(subject);
    const isFaulty = Object.values(faults.oidc).some((value) => value !== undefined);
    if (isFaulty && takeFault(faults.oidc, subject)) {
      const fault = { ...faults.oidc };
      if (fault.delayMs !== undefined) await pauseWhileDelayed(fault.delayMs, closing);
      if (request.destroyed) return; // the client has gone meanwhile
      if (answerWithFault(response, fault)) return;
    }
    if (path.startsWith(signInPath)) return serveSignInPage(provider, request, response, audience);
    if (path === '/device') return serveDevicePage(request, response, decide);
    const limits = settings.rateLimits ? limitsOf.get(path) : undefined;
    const address = request.socket.remoteAddress ?? '';
    const retryAfterSeconds = limits?.take(address);
    if (retryAfterSeconds !== undefined) {
      const json = { error: 'temporarily_unavailable' };
      answerWithFault(response, { status: 429, retryAfterSeconds, json });
      return;
    }
    await callback(request, response);
    if (succeeded.has(request)) limits?.giveBack(address);
  }

  const forge = (
    signers: readonly SigningKey[],
    claims: JwtPart | string,
    header: JwtPart,
  ): string => {
    const { alg, kid } = selectKey(keys, header.alg);
    const payload =
      typeof claims === 'string'
        ? claims
        : { ...validClaims(issuer, audience, clients), ...claims };
    return forgeJwt({ alg, typ: 'at+jwt', kid, ...header }, payload, selectKey(signers, alg));
  };

  return {
    issuer,
    audience,
    clients,
    settings,
    paths,
    tokens: createTokens({
      issuer,
      clients,
      paths,
      allow: (asked) => audiences.add(asked),
      defaultFormat: settings.flavour === 'authelia' ? 'opaque' : 'jwt',
    }),
    requests,
    count: (path) => requests.filter((request) => request.path === path).length,
    clear() {
      requests.length = 0;
    },
    async rotateKeys({ keepOld = false } = {}) {
      const fresh = await createSigningKeys();
      keys = keepOld ? [...fresh, ...keys] : fresh;
      provider = createProvider(parts, keys);
      callback = provider.callback();
    },
    sign: (claims = {}, header = {}) => forge(keys, claims, header),
    signForeign: (claims = {}, header = {}) => forge(foreign, claims, header),
    approveDevice: (userCode) => decide(userCode, true),
    denyDevice: (userCode) => decide(userCode, false),
    async [Symbol.asyncDispose]() {
      await listener.close();
    },
  };
}

/** True when the fault is the answer, or that there is none. */
function answerWithFault(response: ServerResponse, fault: OidcFaults): boolean {
  if (fault.hangs === true) return true;
  if (fault.down === true) {
    response.socket?.resetAndDestroy();
    return true;
  }
  if (fault.redirectTo !== undefined) {
    response.writeHead(302, { location: fault.redirectTo }).end();
    return true;
  }
  const { status, html, json, retryAfterSeconds } = fault;
  if (status === undefined && html === undefined && json === undefined) return false;
  response.writeHead(status ?? 200, {
    'content-type': html === undefined ? 'application/json' : 'text/html; charset=utf-8',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(html ?? JSON.stringify(json ?? {}));
  return true;
}

function validClaims(issuer: string, audience: string, clients: OidcClients): JwtPart {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    sub: clients.admin.id,
    client_id: clients.admin.id,
    aud: audience,
    scope: 'read admin',
    iat: now,
    exp: now + 3600,
    jti: randomUUID(),
  };
}
