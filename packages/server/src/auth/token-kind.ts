// Tells access tokens from the other tokens of an issuer, by their header and their claims: https://www.rfc-editor.org/rfc/rfc9068#section-5

import { invalidToken } from './challenge.ts';
import { type ClaimRules, type Claims, grantedScopes } from './claims.ts';

/** RFC 9068's. */
export const accessTokenTyp = 'at+jwt';

/** Of any JWT, whose header may leave it out: https://www.rfc-editor.org/rfc/rfc7519#section-5.1 */
export const plainTyp = 'jwt';

/** `application/` may be left out, and case means nothing: https://www.rfc-editor.org/rfc/rfc7515#section-4.1.9 */
export function toTyp(value: string): string {
  return value.toLowerCase().replace(/^application\//, '');
}

/** For a JWT whose `typ` does not say that it is an access token. Throws `UNAUTHORIZED` for an ID or refresh token. */
export function requireAccessToken(claims: Claims, rules: ClaimRules): void {
  const kinds = ['typ', 'token_use', 'token_type', 'type'].map((name) => claims[name]);
  const other = kinds.find((kind) => typeof kind === 'string' && otherKinds.test(kind));
  if (other !== undefined) throw notAccess('by its own word it is another kind');
  if (kinds.some((kind) => typeof kind === 'string' && accessKinds.test(kind))) return;
  const sign = idTokenClaims.find((name) => claims[name] !== undefined);
  if (sign !== undefined) throw notAccess(`it has ${sign}, as ID tokens have`);
  const clientId = claims.client_id ?? claims.azp;
  const audiences = [claims.aud].flat();
  const isForItsClient = audiences.length === 1 && audiences[0] === clientId;
  if (isForItsClient && grantedScopes(claims, rules.scopesClaims).size === 0)
    throw notAccess('it is meant for its own client and grants nothing, as ID tokens do');
}

/** Some issuers write the client that a token was issued to into `azp` alone. */
export function withClientId(claims: Claims): Claims {
  return claims.client_id === undefined ? { ...claims, client_id: claims.azp } : claims;
}

/** Keycloak's `typ`, Cognito's `token_use`, Pocket ID's `type`. */
const otherKinds = /^(?:id|refresh|offline|logout)/i;
const accessKinds = /^(?:bearer$|access|oauth-access)/i;
const idTokenClaims = ['nonce', 'at_hash', 'c_hash', 's_hash'];

function notAccess(why: string) {
  return invalidToken(`The token is not an access token: ${why}`);
}
