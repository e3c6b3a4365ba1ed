// Gets tokens from the issuer as any client would: by requests to its token endpoint.

import type { OidcClient, OidcClients } from './clients.ts';
import type { OidcPaths } from './issuer-flavours.ts';

export interface TokenRequest {
  /** Default `jwt`, and `opaque` in the Authelia flavour, as there. */
  readonly format?: 'jwt' | 'opaque';
  /** The `aud`; the API's own when left out. */
  readonly resource?: string;
}

/** Each call is a real request, so a fault of the issuer fails it; scope the fault with `only`, or get the token first. */
export interface Tokens {
  /** A fresh access token with scope `read`. */
  read(request?: TokenRequest): Promise<string>;
  /** A fresh JWT with scope `wake` alone. */
  wake(request?: Pick<TokenRequest, 'resource'>): Promise<string>;
  /** A fresh access token with scopes `read` and `admin`. */
  admin(request?: TokenRequest): Promise<string>;
  /** Revokes an opaque token (of `read` or `admin`); JWTs cannot be revoked. */
  revoke(token: string): Promise<void>;
}

export interface TokensOptions {
  readonly issuer: string;
  readonly clients: OidcClients;
  readonly paths: OidcPaths;
  /** Registers an audience for the clients, where the issuer wants that. */
  readonly allow: (audience: string) => void;
  readonly defaultFormat: 'jwt' | 'opaque';
}

const timeoutMs = 10_000;

export function createTokens(options: TokensOptions): Tokens {
  const { issuer, clients, paths, defaultFormat } = options;
  const obtain = async (client: OidcClient, scope: string, resource?: string): Promise<string> => {
    if (resource !== undefined) options.allow(resource);
    const answer = await post(`${issuer}${paths.token}`, client, {
      grant_type: 'client_credentials',
      scope,
      ...(resource === undefined ? {} : { resource, audience: resource }),
    });
    const body: unknown = await answer.json();
    if (typeof body === 'object' && body !== null && 'access_token' in body) {
      return String(body.access_token);
    }
    throw new Error(`The sandbox's issuer gave no token to ${client.id}: HTTP ${answer.status}`);
  };
  return {
    read: ({ format = defaultFormat, resource } = {}) =>
      obtain(format === 'opaque' ? clients.opaqueReader : clients.reader, 'read', resource),
    wake: ({ resource } = {}) => obtain(clients.waker, 'wake', resource),
    admin: ({ format = defaultFormat, resource } = {}) =>
      obtain(format === 'opaque' ? clients.opaqueAdmin : clients.admin, 'read admin', resource),
    async revoke(token) {
      // A client may revoke its own tokens only, and the token does not say whose it is.
      await Promise.all(
        [clients.opaqueReader, clients.opaqueAdmin].map((client) =>
          post(`${issuer}${paths.revocation}`, client, { token }),
        ),
      );
    },
  };
}

function post(
  url: string,
  { id, secret }: OidcClient,
  form: Record<string, string>,
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}` },
    body: new URLSearchParams(form),
    signal: AbortSignal.timeout(timeoutMs),
  });
}
