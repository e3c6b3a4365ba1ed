// What differs between issuers that all follow the specifications: where their endpoints are and how their tokens look.

import type { Provider } from 'oidc-provider';

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

/** What the configuration of oidc-provider cannot say: token prefixes, and lists where its answers hold one string. */
export function dressAsAuthelia(provider: Provider, audience: string): void {
  prefixTokens(provider.AccessToken, 'authelia_at_');
  prefixTokens(provider.ClientCredentials, 'authelia_at_');
  prefixTokens(provider.RefreshToken, 'authelia_rt_');
  provider.use(async (context, next) => {
    await next();
    const { body } = context;
    if (typeof body !== 'object' || body === null || !('active' in body) || body.active !== true)
      return;
    // Refresh tokens introspect as active too, and with the audience of their access token.
    Object.assign(body, { aud: 'aud' in body ? [body.aud ?? audience].flat() : [audience] });
    if ('token_type' in body && body.token_type !== undefined) body.token_type = 'bearer';
  });
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
