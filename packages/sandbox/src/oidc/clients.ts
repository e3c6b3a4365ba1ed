// The clients registered at the issuer, and which of them get opaque tokens.

import { randomBytes } from 'node:crypto';
import type { ClientMetadata } from 'oidc-provider';

export interface OidcClient {
  readonly id: string;
  readonly secret: string;
}

export interface OidcClients {
  /** Client credentials, scope `read`; `opaqueReader` gets opaque tokens. */
  readonly reader: OidcClient;
  readonly opaqueReader: OidcClient;
  /** Client credentials, scope `wake`; for friends, bots and shortcuts. */
  readonly waker: OidcClient;
  /** Client credentials, scopes `read` and `admin`; `opaqueAdmin` gets opaque tokens. */
  readonly admin: OidcClient;
  readonly opaqueAdmin: OidcClient;
  /** The API itself: may only introspect. */
  readonly api: OidcClient;
  /** Public (no secret): device flow and refresh tokens, scopes `read`, `wake`, `admin`, `offline_access`. */
  readonly cli: { readonly id: string };
  /** The API's page, public as well: authorization code with PKCE, sent back to any port of this machine. */
  readonly web: { readonly id: string };
}

export function createClients(): OidcClients {
  const create = (id: string): OidcClient => ({
    id,
    secret: randomBytes(24).toString('base64url'),
  });
  return {
    reader: create('ondemand-reader'),
    opaqueReader: create('ondemand-reader-opaque'),
    waker: create('ondemand-waker'),
    admin: create('ondemand-admin'),
    opaqueAdmin: create('ondemand-admin-opaque'),
    api: create('ondemand-api'),
    cli: { id: 'ondemand-cli' },
    web: { id: 'ondemand-web' },
  };
}

export function toClientMetadata(clients: OidcClients): ClientMetadata[] {
  const shared = { redirect_uris: [], response_types: [] };
  const machine = ({ id, secret }: OidcClient, scope: string): ClientMetadata => ({
    ...shared,
    client_id: id,
    client_secret: secret,
    grant_types: ['client_credentials'],
    scope,
  });
  return [
    machine(clients.reader, 'read'),
    machine(clients.opaqueReader, 'read'),
    machine(clients.waker, 'wake'),
    machine(clients.admin, 'read admin'),
    machine(clients.opaqueAdmin, 'read admin'),
    {
      ...shared,
      client_id: clients.api.id,
      client_secret: clients.api.secret,
      grant_types: [],
    },
    {
      ...shared,
      client_id: clients.cli.id,
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
      scope: 'openid offline_access read wake admin',
    },
    {
      client_id: clients.web.id,
      token_endpoint_auth_method: 'none',
      application_type: 'native', // of these any port of loopback is taken: https://www.rfc-editor.org/rfc/rfc8252#section-7.3
      redirect_uris: ['http://127.0.0.1/', 'http://localhost/'],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid offline_access read wake admin',
    },
  ];
}
