// Revokes a login's tokens at the issuer: https://www.rfc-editor.org/rfc/rfc7009

import type { AuthorizationServer, ClientAuth } from 'oauth4webapi';
import { None, processRevocationResponse, revocationRequest } from 'oauth4webapi';
import { CliError } from '../cli-error.ts';
import { readSecretFile, toSecretMethods } from './client-secret.ts';
import { discover } from './find-issuer.ts';
import { toIssuerFailure } from './issuer-failure.ts';
import { toRequestOptions } from './issuer-http.ts';
import { type Login, toMsLeft } from './login-file-format.ts';

export type TokenKind = 'refresh_token' | 'access_token';

/**
 * `unsupported`: there is no way to, so trying again is of no use; `refused`: the issuer says no, so it would again;
 * `failed`: it could not be asked; `no secret`: nor could it be asked without the secret that is not in its file.
 */
export type Revocation = 'revoked' | 'unsupported' | 'refused' | 'failed' | 'no secret';

/** What became of each token that there is and that has not ended by itself. Never throws for what the issuer does; only when `signal` aborts. */
export async function revoke(
  login: Login,
  signal: AbortSignal,
): Promise<ReadonlyMap<TokenKind, Revocation>> {
  const isLive = toMsLeft(login, Date.now()) > 0;
  // The refresh token first: with it go the access tokens that came from it (RFC 7009, section 2.1).
  const tokens = [
    ['refresh_token', login.refreshToken],
    ['access_token', isLive ? login.accessToken : undefined],
  ] as const;
  const outcomes = new Map<TokenKind, Revocation>();
  let access: Access | Obstacle | undefined;
  for (const [kind, token] of tokens) {
    if (token === undefined) continue;
    access ??= await prepare(login, signal);
    const outcome =
      typeof access === 'string' ? access : await revokeOne(access, { login, kind, token, signal });
    outcomes.set(kind, outcome);
  }
  return outcomes;
}

type Obstacle = Exclude<Revocation, 'revoked' | 'refused'>;

interface Access {
  readonly server: AuthorizationServer;
  readonly clientAuth: ClientAuth;
}

/** An obstacle when the issuer, or the secret that it wants, is not to be had. */
async function prepare(
  { issuer, secretFile, secretMethod }: Login,
  signal: AbortSignal,
): Promise<Access | Obstacle> {
  if (secretFile === '-') return 'unsupported';
  let obstacle: Obstacle = 'no secret';
  try {
    const secret = secretFile === undefined ? undefined : await readSecretFile(secretFile);
    obstacle = 'failed';
    const server = await discover(issuer, signal);
    const [method] = toSecretMethods(server, secretMethod);
    const clientAuth = secret === undefined ? None() : method?.toClientAuth(secret);
    return { server, clientAuth: clientAuth ?? None() };
  } catch (error) {
    if (signal.aborted || !(error instanceof CliError)) throw error;
    return obstacle;
  }
}

async function revokeOne(
  { server, clientAuth }: Access,
  {
    login: { clientId },
    kind,
    token,
    signal,
  }: {
    readonly login: Login;
    readonly kind: TokenKind;
    readonly token: string;
    readonly signal: AbortSignal;
  },
): Promise<Revocation> {
  if (server.revocation_endpoint === undefined) return 'unsupported';
  const client = { client_id: clientId };
  try {
    const response = await revocationRequest(server, client, clientAuth, token, {
      ...toRequestOptions(signal),
      additionalParameters: { token_type_hint: kind },
    });
    if (!response.ok) await processRevocationResponse(response); // throws; of success some issuers answer 204
    return 'revoked';
  } catch (error) {
    const failure = toIssuerFailure(error, signal);
    if (failure.kind !== 'refused') return 'failed';
    return failure.code === 'unsupported_token_type' ? 'unsupported' : 'refused';
  }
}
