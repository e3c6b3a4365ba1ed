// What differs between issuers that all follow the specifications: where their endpoints are and what their tokens contain.

import type { Provider } from 'oidc-provider';
import { InvalidRequest, InvalidTarget } from 'oidc-provider/lib/helpers/errors.js';
import type { OidcSettings, ProviderParts } from './provider.ts';
import type { Storage } from './storage.ts';

/** `authelia`: the paths, the opaque tokens and the claims of Authelia 4.39; `plain`: oidc-provider's own. */
export type OidcFlavour = 'plain' | 'authelia';

export interface OidcPaths {
  readonly jwks: string;
  readonly token: string;
  readonly introspection: string;
  readonly revocation: string;
  readonly deviceAuthorization: string;
}

const paths: Readonly<Record<OidcFlavour, OidcPaths>> = {
  plain: {
    jwks: '/jwks',
    token: '/token',
    introspection: '/token/introspection',
    revocation: '/token/revocation',
    deviceAuthorization: '/device/auth',
  },
  authelia: {
    jwks: '/jwks.json',
    token: '/api/oidc/token',
    introspection: '/api/oidc/introspection',
    revocation: '/api/oidc/revocation',
    deviceAuthorization: '/api/oidc/device-authorization',
  },
};

export function toPaths(flavour: OidcFlavour): OidcPaths {
  return paths[flavour];
}

export interface AutheliaParts {
  readonly audience: string;
  readonly storage: Pick<Storage, 'destroyOfGrant'>;
  /** Requests whose answer does not count for the rate limits. */
  readonly succeeded: WeakSet<object>;
  readonly settings: Pick<OidcSettings, 'deviceIntervalSeconds' | 'duringRenewal'>;
}

/**
 * What the form asks a token to be for, by `audience`: `resource` is not known in Authelia 4.39. Where it asks for nothing
 * its clients have `requested_audience_mode: implicit`. Throws for what they are not allowed.
 */
export function toAutheliaAudience(
  form: Readonly<Record<string, unknown>> | undefined,
  { audience, audiences }: Pick<ProviderParts, 'audience' | 'audiences'>,
): string {
  const asked = [form?.audience ?? audience].flat().flatMap((text) => String(text).split(' '));
  const forbidden = asked.find((each) => !audiences.has(each));
  if (forbidden !== undefined) throw new InvalidTarget(forbidden);
  return asked.includes(audience) ? audience : (asked[0] ?? audience);
}

/** What the configuration of oidc-provider cannot say: token prefixes, lists where its answers hold one string, former access tokens void after a renewal, error codes. */
export function dressAsAuthelia(
  provider: Provider,
  { audience, storage, succeeded, settings }: AutheliaParts,
): void {
  prefixTokens(provider.AccessToken, 'authelia_at_');
  prefixTokens(provider.ClientCredentials, 'authelia_at_');
  prefixTokens(provider.RefreshToken, 'authelia_rt_');
  const renewals = refuseRenewalsAtOnce(provider, () => settings.duringRenewal());
  provider.use(async (context, next) => {
    await next().finally(() => renewals.end(context));
    const { AccessToken: fresh } = context.oidc?.entities ?? {};
    if (context.oidc?.params?.grant_type === 'refresh_token' && fresh?.grantId !== undefined)
      storage.destroyOfGrant('AccessToken', fresh.grantId, fresh.jti);
    if (typeof context.body !== 'object' || context.body === null) return;
    const body = context.body as Record<string, unknown>; // JSON, made by the provider just now
    if (context.status < 400 && body.active !== false) succeeded.add(context.req);
    if (typeof body.error === 'string') Object.assign(body, toAutheliaError(body));
    if ('device_code' in body) body.interval = settings.deviceIntervalSeconds;
    if (body.active !== true) return;
    // Refresh tokens introspect as active too, and with the audience of their access token.
    body.aud = 'aud' in body ? [body.aud ?? audience].flat() : [audience];
    if (body.token_type !== undefined) body.token_type = 'bearer';
  });
}

/** A refresh token that is being replaced is refused to all others until it is: https://github.com/ory/fosite calls that a failure of serialization. */
function refuseRenewalsAtOnce(provider: Provider, duringRenewal: () => Promise<void>) {
  /** By the token that is replaced: the request that does so. */
  const renewing = new Map<string, object>();
  const requests = provider.constructor as unknown as RequestInHand; // the class of every provider
  const model = provider.RefreshToken as unknown as RefreshTokens; // its own type ties `find` to a constructor
  const { find } = model;
  model.find = async function findUnlessRenewing(token, options) {
    const request = requests.ctx;
    if (request?.path === paths.authelia.token) {
      if (renewing.has(token))
        throw new InvalidRequest(
          'Failed to refresh token because of multiple concurrent requests using the same token which is not allowed.',
        );
      renewing.set(token, request);
      await duringRenewal();
    }
    return find.call(this, token, options);
  };
  return {
    end(request: object): void {
      for (const [token, by] of renewing) if (by === request) renewing.delete(token);
    },
  };
}

/** A static part of oidc-provider's class that its types leave out. */
interface RequestInHand {
  readonly ctx: { readonly path: string } | undefined;
}

interface RefreshTokens {
  find(this: RefreshTokens, token: string, options?: object): Promise<unknown>;
}

/** Of Authelia 4.39: https://github.com/ory/fosite has no code of its own for an audience. */
function toAutheliaError({ error, error_description }: Record<string, unknown>): object {
  if (error === 'invalid_target')
    return {
      error: 'invalid_request',
      error_description: 'Requested audience has not been whitelisted by the OAuth 2.0 Client.',
    };
  if (/device_code is not allowed for this client/.test(String(error_description)))
    return {
      error: 'invalid_grant',
      error_description: 'The OAuth 2.0 Client is not allowed to use the device code grant.',
    };
  return {};
}

/** A part of its models that oidc-provider's types leave out. */
interface TokenModel {
  readonly prototype: unknown;
}
interface TokenInstance {
  generateTokenId(): string;
  readonly resourceServer?: { readonly accessTokenFormat?: string };
}

/** Each provider has model classes of its own, so no other is touched. JWTs keep their plain id. */
function prefixTokens(model: TokenModel, prefix: string): void {
  const prototype = model.prototype as TokenInstance; // every model that is a token has it
  const generate = prototype.generateTokenId;
  prototype.generateTokenId = function generatePrefixed(this: TokenInstance): string {
    const id = generate.call(this);
    return this.resourceServer?.accessTokenFormat === 'jwt' ? id : `${prefix}${id}`;
  };
}
