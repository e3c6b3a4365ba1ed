// Extracts the bearer token from a request: https://www.rfc-editor.org/rfc/rfc6750#section-2.1

import { invalidAuthRequest, invalidToken, missingToken } from './challenge.ts';

/**
 * The token of the one `Authorization` header; pass every value sent, as in `headersDistinct`.
 * Throws `UNAUTHORIZED` without bearer credentials and `BAD_REQUEST` where they are malformed.
 */
export function parseBearer(headers: readonly string[] | undefined): string {
  const [header, ...more] = headers ?? [];
  if (header === undefined) throw missingToken();
  if (more.length > 0) throw invalidAuthRequest('More than one Authorization header was sent');
  const [, scheme = '', rest = ''] = /^([^ ]*)(.*)$/s.exec(header) ?? [];
  if (scheme.toLowerCase() !== 'bearer') throw missingToken();
  const token = rest.replace(/^ +/, '').replace(/ +$/, '');
  if (token === '')
    throw invalidAuthRequest('The Authorization header says Bearer but holds no token');
  if (/\s/.test(token))
    throw invalidAuthRequest('The Authorization header holds more than one token');
  if (!b64token.test(token))
    throw invalidToken('The bearer token holds characters that no token has');
  return token;
}

/** `b64token` of RFC 6750. */
const b64token = /^[A-Za-z0-9\-._~+/]+=*$/;
