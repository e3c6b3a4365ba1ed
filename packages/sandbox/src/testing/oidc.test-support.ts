// The sandbox's issuer alone, and what a client sends it.

import { createRemoteJWKSet, jwtVerify } from 'jose';
import { createFaults } from '../faults.ts';
import { createOidc } from '../oidc/issuer.ts';
import type { OidcSettings } from '../oidc/provider.ts';

export async function startOidc(settings: Partial<OidcSettings> = {}) {
  const faults = createFaults();
  const oidc = await createOidc({ faults, settings });
  const post = async (
    path: string,
    form: Record<string, string>,
    client?: { id: string; secret: string },
  ) => {
    const response = await fetch(`${oidc.issuer}${path}`, {
      method: 'POST',
      body: new URLSearchParams(form),
      ...(client
        ? { headers: { authorization: `Basic ${btoa(`${client.id}:${client.secret}`)}` } }
        : {}),
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  };
  const introspect = (token: string, client = oidc.clients.api) =>
    post('/token/introspection', { token }, client);
  const verify = (token: string) =>
    jwtVerify(token, createRemoteJWKSet(new URL(`${oidc.issuer}/jwks`)), {
      issuer: oidc.issuer,
      audience: oidc.audience,
      typ: 'at+jwt',
      requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],
    });
  return {
    faults,
    oidc,
    post,
    introspect,
    verify,
    [Symbol.asyncDispose]: () => oidc[Symbol.asyncDispose](),
  };
}
