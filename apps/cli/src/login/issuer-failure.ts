// Classifies why a request to the issuer failed.

import {
  OperationProcessingError,
  ResponseBodyError,
  UnsupportedOperationError,
} from 'oauth4webapi';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

export type IssuerFailure =
  /** It understood and says no. */
  | {
      readonly kind: 'refused';
      /** One of RFC 6749, 8628 or 8707, or such as `HTTP 403` where the answer names none. */
      readonly code: string;
      /** Its own description, ready to be shown. */
      readonly says: string | undefined;
    }
  /** It is not there, too busy, or something else answers in its place; may pass. */
  | {
      readonly kind: 'unavailable';
      readonly reason: string;
      /** What to do, where that is not to wait. */
      readonly advice?: string | undefined;
      /** How long it asks to be left alone. */
      readonly retryAfterMs?: number | undefined;
    }
  /** It cannot do what was asked. */
  | { readonly kind: 'incapable'; readonly reason: string };

/** Rethrows what is not a failure of the issuer: the user's interrupt, the CLI's own refusals, bugs. */
export function toIssuerFailure(error: unknown, signal: AbortSignal): IssuerFailure {
  if (signal.aborted || error instanceof CliError) throw error;
  if (error instanceof ResponseBodyError) return fromBody(error);
  if (error instanceof OperationProcessingError || error instanceof UnsupportedOperationError) {
    return fromAnswer(error);
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    return { kind: 'unavailable', reason: 'no answer in time' };
  }
  if (error instanceof TypeError) return fromNetwork(error);
  throw error;
}

/** The failure in one line, where the flow itself has nothing better to say. */
export function toCliError(failure: IssuerFailure, { issuer, doing, cause }: Told): CliError {
  if (failure.kind === 'unavailable') {
    const { reason, retryAfterMs } = failure;
    const later =
      retryAfterMs === undefined
        ? 'try again later'
        : `try again in ${Math.ceil(retryAfterMs / 1000)} s`;
    return new CliError(
      exitCodes.unavailable,
      `The issuer ${issuer} does not answer as one (${reason}) when ${doing}; ${failure.advice ?? later}`,
      { cause },
    );
  }
  if (failure.kind === 'incapable') {
    return new CliError(
      exitCodes.failed,
      `The issuer ${issuer} cannot be used when ${doing}: ${failure.reason}`,
      { cause },
    );
  }
  const { code, says } = failure;
  const check = isBare(code)
    ? `; check the issuer's address, and that the client may do this there`
    : '';
  return new CliError(
    exitCodes.denied,
    `The issuer ${issuer} refused (${code}) when ${doing}${check}${toSaying(says)}`,
    { cause },
  );
}

/** How the end of a message gives the issuer's own description. */
export function toSaying(says: string | undefined): string {
  return says === undefined ? '' : `; it says: ${says}`;
}

/** Whether the answer was an HTTP status and nothing else. */
export function isBare(code: string): boolean {
  return code.startsWith('HTTP ');
}

interface Told {
  readonly issuer: string;
  /** Completes "when …". */
  readonly doing: string;
  readonly cause: unknown;
}

const passing = new Set(['temporarily_unavailable', 'server_error']);

function fromBody({
  status,
  error,
  error_description,
  response,
}: ResponseBodyError): IssuerFailure {
  const says = toIssuerWords(error_description);
  const code = toCode(error);
  if (!isUnavailable(status) && !passing.has(error)) return { kind: 'refused', code, says };
  const reason = `HTTP ${status}, ${code}${says === undefined ? '' : `: ${says}`}`;
  return { kind: 'unavailable', reason, retryAfterMs: readRetryAfterMs(response) };
}

function isUnavailable(status: number): boolean {
  return status >= 500 || status === 429 || status === 408;
}

/** A word, as those of the standards are; anything else from there could be anything. */
function toCode(code: string): string {
  return /^[\w.:-]{1,60}$/.test(code) ? code : 'unknown error';
}

function fromAnswer(error: OperationProcessingError | UnsupportedOperationError): IssuerFailure {
  const { cause } = error;
  if (error.code === 'OAUTH_MISSING_SERVER_METADATA') {
    return { kind: 'incapable', reason: 'its discovery document names no endpoint for that' };
  }
  if (error.code === 'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED') {
    const other = toIssuerWords(readBody(cause, 'issuer'));
    const name = other === undefined ? '' : `: it says ${other}`;
    return {
      kind: 'incapable',
      reason: `its discovery document speaks for another issuer${name}; the address has to be the same to the last slash`,
    };
  }
  if (!(cause instanceof Response)) {
    const code = readBody(cause, 'error'); // of an issuer that refuses with status 200
    return typeof code === 'string'
      ? {
          kind: 'refused',
          code: toCode(code),
          says: toIssuerWords(readBody(cause, 'error_description')),
        }
      : { kind: 'unavailable', reason: 'an answer that makes no sense' };
  }
  const { status } = cause;
  const code = `HTTP ${status}`;
  if (status >= 400 && !isUnavailable(status)) return { kind: 'refused', code, says: undefined };
  return { kind: 'unavailable', reason: code, retryAfterMs: readRetryAfterMs(cause) };
}

/** https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 */
function readRetryAfterMs({ headers }: Response): number | undefined {
  const value = headers.get('retry-after') ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}

/** What the library keeps of an answer that it does not accept. */
function readBody(cause: unknown, name: string): unknown {
  if (typeof cause !== 'object' || cause === null || !('body' in cause)) return undefined;
  const { body } = cause;
  return typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined;
}

/** Node says "fetch failed" and keeps the short code of the reason beneath. */
function fromNetwork({ cause }: TypeError): IssuerFailure {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reason = /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'no connection';
  return { kind: 'unavailable', reason, advice: toCertificateAdvice(reason) };
}

/** What to do about a certificate that Node does not trust; undefined for any other reason. */
export function toCertificateAdvice(reason: string): string | undefined {
  if (unknownAuthority.has(reason)) {
    return 'where a private authority signed its certificate, set NODE_EXTRA_CA_CERTS to the file of that authority (PEM)';
  }
  if (reason === 'CERT_HAS_EXPIRED') return 'its certificate has expired';
  if (reason === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'its certificate is for another name';
  return undefined;
}

const unknownAuthority = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
]);

/** An issuer's error text made safe to show: one bounded line that cannot contain a token. Undefined for nothing, or for what is no text. */
export function toIssuerWords(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const line = text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .replace(longSecret, '…');
  if (line === '') return undefined;
  const characters = [...line];
  return characters.length <= maxCharacters
    ? line
    : `${characters.slice(0, maxCharacters).join('')}…`;
}

const maxCharacters = 200;

/** What has the length and the letters of a token; addresses have slashes. */
const longSecret = /[\w.~+=-]{40,}/g;
