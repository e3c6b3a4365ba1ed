// Classifies why `fetch` failed, by the error codes in the cause of Node's "fetch failed".

import { OnDemandError } from '../errors.ts';
import { toConnectionLoss } from '../subscription/connection-loss.ts';

export interface CallFacts {
  /** As messages name the API. */
  readonly baseUrl: string;
  /** True when a lost answer leaves open whether something was changed. */
  readonly mutates: boolean;
}

/** Node does not know who signed the certificate. */
const unknownAuthority: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

/** The connection was never made, so nothing can have happened. */
const beforeSending: ReadonlySet<string> = new Set([
  ...unknownAuthority,
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ECONNREFUSED',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** Node's `fetch` has deadlines of its own, https://github.com/nodejs/node/issues/46375 */
const ownTimeouts: ReadonlySet<string> = new Set([
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
]);

/** `NETWORK_ERROR`, or `TIMEOUT` where `fetch`'s own timeout fired; `details.reason` is the code, if there is one. */
export function toNetworkError(cause: unknown, { baseUrl, mutates }: CallFacts): OnDemandError {
  const reason = findReason(cause);
  const isTimeout = reason !== undefined && ownTimeouts.has(reason);
  const mayHaveRun = mutates && !(reason !== undefined && beforeSending.has(reason));
  const why = reason === undefined ? '' : ` (${reason})`;
  const what = isTimeout
    ? `${baseUrl} did not answer before \`fetch\` gave up${why}`
    : `Could not reach ${baseUrl}, or the connection broke${why}`;
  const { message, details } = toConnectionLoss(what, {
    mayHaveRun,
    advice: isTimeout ? 'try again later' : toAdvice(reason),
    details: reason === undefined ? {} : { reason },
  });
  return new OnDemandError(isTimeout ? 'TIMEOUT' : 'NETWORK_ERROR', message, { details, cause });
}

function toAdvice(reason = ''): string {
  return unknownAuthority.has(reason)
    ? 'where a private authority signed its certificate, set NODE_EXTRA_CA_CERTS to the file of that authority (PEM)'
    : 'check the url and that the API runs there';
}

/** Only what looks like a code: a message could quote anything. */
function findReason(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 3) return undefined;
  if ('code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(error.code))
    return error.code;
  return findReason(error.cause, depth + 1);
}
