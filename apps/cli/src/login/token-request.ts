// A request for tokens and what the issuer grants, in this CLI's own types.

import type { AuthorizationServer, TokenEndpointResponse } from 'oauth4webapi';
import type { Audience, Login } from './login-file-format.ts';

export interface TokenRequest {
  readonly clientId: string;
  readonly scope: string;
  /** Undefined: what the issuer gives by itself. */
  readonly audience: Audience | undefined;
}

/** What the issuer granted, and for which request. */
export interface Granted {
  readonly tokens: Tokens;
  readonly tokenRequest: TokenRequest;
}

export type Tokens = Pick<Login, 'accessToken' | 'expiresAt' | 'obtainedAt' | 'refreshToken'>;

/**
 * Issuers disagree on the name: Authelia and others take `audience`, RFC 8707 has `resource`, and most ignore the other, so both are sent.
 * A guess that neither the API nor the issuer supports goes by `audience` alone, as an issuer would issue whatever `resource` it is
 * asked for, and the API refuse that.
 */
export function toParameters({ scope, audience }: TokenRequest): Record<string, string> {
  return {
    ...(scope !== '' && { scope }),
    ...(audience !== undefined && audience.only !== 'resource' && { audience: audience.value }),
    ...toResource(audience),
  };
}

/** The `resource` of RFC 8707, which a token request has to repeat. */
export function toResource(audience: Audience | undefined): Record<string, string> {
  if (audience === undefined || audience.only === 'audience') return {};
  const isKnown = !audience.isGuess || audience.isResource === true;
  const isResource = isKnown && URL.canParse(audience.value) && !audience.value.includes('#');
  return isResource ? { resource: audience.value } : {};
}

/** What to ask for next when the issuer did not take both names of the audience: by one of them, then by the other. */
export function toOtherName(
  tokenRequest: TokenRequest,
  { code, says = '' }: { readonly code: string; readonly says?: string | undefined },
  server: AuthorizationServer,
): TokenRequest | undefined {
  const { audience } = tokenRequest;
  const isRefused = code === 'invalid_target' || code === 'invalid_request';
  if (audience === undefined || !isRefused || audienceForbidden.test(says)) return undefined;
  const [first, second] = knowsResource(server, audience.value)
    ? (['resource', 'audience'] as const)
    : (['audience', 'resource'] as const);
  if (audience.only === first) return { ...tokenRequest, audience: { ...audience, only: second } };
  const isBoth = audience.only === undefined && 'resource' in toResource(audience);
  return isBoth ? { ...tokenRequest, audience: { ...audience, only: first } } : undefined;
}

/** Authelia and Hydra say so of the value, which no other name makes better. */
const audienceForbidden =
  /^(?!.*\bparameter\b).*\baudience\b.*\b(?:whitelisted|allowed|permitted)\b/i;

/** By RFC 9728, section 4, or by what issuers that have RFC 8707 write into their discovery document. */
export function knowsResource(server: AuthorizationServer, resource: string): boolean {
  const { protected_resources: resources } = server;
  if (Array.isArray(resources)) return resources.includes(resource);
  return (
    server.resource_indicators_supported === true || server.resource_parameter_supported === true
  );
}

export function toTokens(answer: TokenEndpointResponse, nowMs: number): Tokens {
  const { access_token, expires_in, refresh_token } = answer;
  return {
    accessToken: access_token,
    expiresAt:
      expires_in === undefined ? undefined : new Date(nowMs + expires_in * 1000).toISOString(),
    obtainedAt: new Date(nowMs).toISOString(),
    refreshToken: refresh_token,
  };
}

/**
 * What to ask for next when the issuer refused `tokenRequest`: leaves out what the user did not ask for.
 * Undefined when there is nothing left to leave out.
 */
export function toReducedRequest(
  tokenRequest: TokenRequest,
  code: string,
): TokenRequest | undefined {
  const withoutAudience = { ...tokenRequest, audience: undefined };
  const isGuess = tokenRequest.audience?.isGuess === true;
  if (code === 'invalid_target' && isGuess) return withoutAudience;
  const scopes = tokenRequest.scope.split(' ');
  if (isScopeRefusal(code) && scopes.includes('admin') && scopes.includes('wake')) {
    return without('wake'); // which admin implies, and an issuer set up earlier does not know
  }
  if (isScopeRefusal(code) && scopes.includes(renewable) && scopes.length > 1) {
    return without(renewable);
  }
  if (code === 'invalid_request' && isGuess) return withoutAudience;
  return undefined;

  function without(name: string): TokenRequest {
    return { ...tokenRequest, scope: scopes.filter((scope) => scope !== name).join(' ') };
  }
}

/** `scope_invalid` is glewlwyd's. */
export function isScopeRefusal(code: string): boolean {
  return code === 'invalid_scope' || code === 'scope_invalid';
}

/** The scope that a refresh token comes with (OpenID Connect Core, section 11). */
export const renewable = 'offline_access';
