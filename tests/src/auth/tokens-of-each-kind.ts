// A token of every kind that a caller may hold, from the sandbox's issuer by the flows that give them.

import type { Oidc } from '@ondemand/sandbox';

export const tokenKinds = [
  'no token',
  'garbage',
  'expired',
  'wrong audience',
  'no scope',
  'read',
  'wake',
  'admin',
  'opaque read',
  'opaque admin',
  'revoked opaque',
  'ID token',
  'refresh token',
] as const;
export type TokenKind = (typeof tokenKinds)[number];

/** Undefined for no token. */
export type TokensOfEachKind = Readonly<Record<TokenKind, string | undefined>>;

export async function obtainTokens(oidc: Oidc): Promise<TokensOfEachKind> {
  const { tokens } = oidc;
  const now = Math.floor(Date.now() / 1000);
  const [read, wake, admin, opaqueRead, opaqueAdmin, revoked, person] = await Promise.all([
    tokens.read({ format: 'jwt' }),
    tokens.wake(),
    tokens.admin({ format: 'jwt' }),
    tokens.read({ format: 'opaque' }),
    tokens.admin({ format: 'opaque' }),
    tokens.admin({ format: 'opaque' }),
    signInPerson(oidc),
  ]);
  await tokens.revoke(revoked);
  return {
    'no token': undefined,
    garbage: 'garbage',
    expired: oidc.sign({ iat: now - 7200, exp: now - 3600 }),
    'wrong audience': await tokens.admin({ format: 'jwt', resource: 'https://other.example/api' }),
    'no scope': oidc.sign({ scope: 'openid' }),
    read,
    wake,
    admin,
    'opaque read': opaqueRead,
    'opaque admin': opaqueAdmin,
    'revoked opaque': revoked,
    'ID token': person.idToken,
    'refresh token': person.refreshToken,
  };
}

export interface PersonTokens {
  readonly accessToken: string;
  readonly idToken: string;
  readonly refreshToken: string;
}

/** A person's tokens with scopes `read` and `admin`, by the device flow. */
export async function signInPerson({
  issuer,
  paths,
  clients,
  approveDevice,
}: Oidc): Promise<PersonTokens> {
  const post = async (path: string, form: Record<string, string>) => {
    const response = await fetch(`${issuer}${path}`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: clients.cli.id, ...form }),
    });
    return (await response.json()) as Record<string, string>; // checked by use below
  };
  const device = await post(paths.deviceAuthorization, {
    scope: 'openid offline_access read admin',
  });
  if (!(await approveDevice(device.user_code ?? ''))) throw new Error('no device waits');
  const answer = await post(paths.token, {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: device.device_code ?? '',
  });
  const { access_token: accessToken, id_token: idToken, refresh_token: refreshToken } = answer;
  if (!accessToken || !idToken || !refreshToken)
    throw new Error(`the device flow gave ${Object.keys(answer).join(', ')}`);
  return { accessToken, idToken, refreshToken };
}
