// Configures oidc-provider as the issuer that the API will meet: https://github.com/panva/node-oidc-provider

import { randomBytes } from 'node:crypto';
import type { Configuration, Provider as OidcProvider } from 'oidc-provider';
import { Provider } from 'oidc-provider/lib/provider.js';
import { type OidcClients, toClientMetadata } from './clients.ts';
import {
  dressAsAuthelia,
  type OidcFlavour,
  toAutheliaAudience,
  toPaths,
} from './issuer-flavours.ts';
import { signInPath } from './sign-in-page.ts';
import { type SigningAlgorithm, type SigningKey, selectKey, toPrivateJwk } from './signing-keys.ts';
import type { Storage } from './storage.ts';

/** May be assigned at any time; holds from the next token on. */
export interface OidcSettings {
  accessTokenTtlSeconds: number;
  /** Not EdDSA: the provider signs it by Web Crypto, which warns on the earlier Node 20 and 22; `sign()` of the issuer can. */
  signingAlgorithm: Exclude<SigningAlgorithm, 'EdDSA'>;
  /** `scp`: an array in place of `scope`, as Authelia's JWTs have it. */
  scopeClaim: 'scope' | 'scp';
  /** Read once, at the start. */
  flavour: OidcFlavour;
  /** Authelia's limits of failed token requests and introspections of tokens that are not active; off unless told otherwise. */
  rateLimits: boolean;
  /** The clock of the rate limits, in milliseconds. */
  now: () => number;
  /** What Authelia asks of a client that polls for a device's tokens. */
  deviceIntervalSeconds: number;
  /** Awaited while Authelia replaces a refresh token, so that another renewal may come meanwhile. */
  duringRenewal: () => Promise<void>;
}

export interface ProviderParts {
  readonly issuer: string;
  /** What tokens are for when the request names no `resource`. */
  readonly audience: string;
  /** What the clients of Authelia are allowed to ask for. */
  readonly audiences: ReadonlySet<string>;
  readonly clients: OidcClients;
  readonly settings: OidcSettings;
  readonly storage: Storage;
  /** Gets the requests that do not count for Authelia's rate limits. */
  readonly succeeded: WeakSet<object>;
}

/** The first of `keys` with the wanted algorithm signs; all of them are published. */
export function createProvider(parts: ProviderParts, keys: readonly SigningKey[]): OidcProvider {
  const provider = new Provider(parts.issuer, toConfiguration(parts, keys));
  if (parts.settings.flavour === 'authelia') dressAsAuthelia(provider, parts);
  return provider;
}

function toConfiguration(parts: ProviderParts, keys: readonly SigningKey[]): Configuration {
  const { audience, clients, settings, storage } = parts;
  const isAuthelia = settings.flavour === 'authelia';
  const opaqueClients = [clients.opaqueReader.id, clients.opaqueAdmin.id];
  if (isAuthelia) opaqueClients.push(clients.cli.id);
  const paths = toPaths(settings.flavour);
  return {
    adapter: storage.toAdapter,
    routes: {
      jwks: paths.jwks,
      token: paths.token,
      introspection: paths.introspection,
      revocation: paths.revocation,
      device_authorization: paths.deviceAuthorization,
    },
    clients: toClientMetadata(clients),
    jwks: { keys: keys.map(toPrivateJwk) },
    scopes: ['openid', 'offline_access', 'read', 'wake', 'admin'],
    cookies: { keys: [randomBytes(24).toString('base64url')] },
    clientBasedCORS: () => true,
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    ttl: {
      AccessToken: () => settings.accessTokenTtlSeconds,
      ClientCredentials: () => settings.accessTokenTtlSeconds,
      DeviceCode: 600,
      Grant: 30 * 24 * 3600,
      IdToken: 3600,
      Interaction: 600,
      RefreshToken: 30 * 24 * 3600,
      Session: 24 * 3600,
    },
    formats: {
      customizers: {
        jwt(_context, _token, { payload }) {
          if (isAuthelia) Object.assign(payload, { aud: [payload.aud].flat(), nbf: payload.iat });
          if (settings.scopeClaim === 'scope') return;
          payload.scp = typeof payload.scope === 'string' ? payload.scope.split(' ') : [];
          delete payload.scope;
        },
      },
    },
    interactions: { url: (_context, { uid }) => `${signInPath}${uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_context, client) => client.clientId === clients.api.id,
      },
      revocation: {
        enabled: true,
        allowedPolicy: (_context, client, token) => client.clientId === token.clientId,
      },
      deviceFlow: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo: ({ oidc }, resource, client) => ({
          audience: isAuthelia ? toAutheliaAudience(oidc.body, parts) : resource,
          scope: 'read wake admin',
          accessTokenFormat: opaqueClients.includes(client.clientId) ? 'opaque' : 'jwt',
          accessTokenTTL: settings.accessTokenTtlSeconds,
          jwt: { sign: toSign(keys, settings.signingAlgorithm) },
        }),
      },
    },
  };
}

function toSign(keys: readonly SigningKey[], algorithm: SigningAlgorithm) {
  const { alg, kid } = selectKey(keys, algorithm);
  return { alg, kid };
}
