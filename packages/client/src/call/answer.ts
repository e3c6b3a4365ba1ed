// Classifies a response: a result or an error of this API, or an answer of a proxy in front of it.

import { type ApiErrorCode, OnDemandError, statusOfCode } from '../errors.ts';
import { toConnectionLoss } from '../subscription/connection-loss.ts';
import type { CallFacts } from './network-error.ts';

export interface Answer {
  /** 0 is how browsers hide a redirect. */
  readonly status: number;
  readonly headers: Pick<Headers, 'get'>;
  readonly text: string;
}

/** Gives the result out of tRPC's envelope; throws whatever else was answered. */
export function readAnswer(answer: Answer, call: CallFacts): unknown {
  const body = parseJson(answer.text);
  if (isOk(answer) && isRecord(body) && isRecord(body.result)) return body.result.data;
  throw toRefusal(answer, call);
}

/** What an answer says that is not the one that was asked for. */
export function toRefusal(answer: Answer, call: CallFacts): OnDemandError {
  return toApiError(parseJson(answer.text), answer) ?? toForeignError(answer, call);
}

/** An error that ends a stream; its text is the one that tRPC sends there, and its status in it. */
export function toStreamError(
  text: string,
  { headers, baseUrl }: Pick<Answer, 'headers'> & Pick<CallFacts, 'baseUrl'>,
): OnDemandError {
  const error = parseJson(text);
  const { httpStatus } = toData(error);
  const status = typeof httpStatus === 'number' ? httpStatus : 500;
  return (
    toApiError({ error }, { status, headers, text }) ??
    new OnDemandError(
      'INVALID_RESPONSE',
      `${baseUrl} ended the stream with an error, but not as this API does; check the url`,
      { requestId: readRequestId({}, { headers }) },
    )
  );
}

/** An `ApiError`, in tRPC's envelope or bare as REST has it; undefined for anything else. */
function toApiError(body: unknown, answer: Answer): OnDemandError | undefined {
  if (!isRecord(body)) return undefined;
  const isEnvelope = isRecord(body.error);
  const { error, code, message, details } = isEnvelope ? toData(body.error) : body;
  if (typeof error !== 'string' || typeof code !== 'string' || typeof message !== 'string')
    return undefined;
  const known = isApiErrorCode(code) ? code : isEnvelope ? toNearestCode(answer.status) : undefined;
  if (known === undefined) return undefined;
  const facts = isRecord(details) ? details : {};
  return new OnDemandError(known, message, {
    status: answer.status,
    title: error,
    details: facts,
    requestId: readRequestId(facts, answer),
  });
}

function toData(error: unknown): Readonly<Record<string, unknown>> {
  return isRecord(error) && isRecord(error.data) ? error.data : {};
}

/** What a proxy, a gateway or some other server says; nothing of its text, which can be anything. */
function toForeignError(answer: Answer, { baseUrl, mutates }: CallFacts): OnDemandError {
  const { status, headers } = answer;
  const { code, says, advice } = judgeForeign(answer);
  const retryAfter = headers.get('retry-after');
  const { message, details } = toConnectionLoss(`${baseUrl} ${says}`, {
    mayHaveRun: mutates && (isOk(answer) || status >= 500),
    advice,
    details:
      retryAfter !== null && /^\d{1,9}$/.test(retryAfter)
        ? { retryAfterSeconds: Number(retryAfter) }
        : {},
  });
  return new OnDemandError(code, message, {
    status,
    details,
    requestId: readRequestId({}, answer),
  });
}

function judgeForeign({ status, headers }: Answer) {
  const says = `answered ${status}, but not as this API does`;
  if (status === 0 || (status >= 300 && status < 400)) {
    const to = originOf(headers.get('location'));
    return {
      code: 'INVALID_RESPONSE',
      says: `redirects${to === undefined ? '' : ` to ${to}`} instead of answering`,
      advice: 'give the url where the API itself is, and check that it needs no login',
    } as const;
  }
  if (status >= 500)
    return {
      code: 'SERVICE_UNAVAILABLE',
      says,
      advice: 'a proxy before it cannot reach it, so try again later',
    } as const;
  const code = refusals[status];
  if (code !== undefined)
    return { code, says, advice: 'a proxy before it refused the call' } as const;
  return { code: 'INVALID_RESPONSE', says, advice: 'check the url' } as const;
}

/** What a proxy can mean by a status; its 404 is no missing container. */
const refusals: Readonly<Record<number, ApiErrorCode>> = {
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  413: 'PAYLOAD_TOO_LARGE',
  429: 'TOO_MANY_REQUESTS',
};

/** For a code that this version does not know, of an API newer than it. */
function toNearestCode(status: number): ApiErrorCode {
  const codes = Object.keys(statusOfCode).filter(isApiErrorCode);
  const same = codes.find((code) => statusOfCode[code] === status);
  return same ?? (status >= 400 && status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR');
}

/** The header first: a call that the API could not read has no id in its body. */
function readRequestId(
  details: Readonly<Record<string, unknown>>,
  { headers }: Pick<Answer, 'headers'>,
) {
  const header = headers.get('x-request-id');
  if (header !== null) return header;
  const { requestId } = details;
  return typeof requestId === 'string' ? requestId : undefined;
}

/** The rest of a redirect's target can hold anything. */
function originOf(location: string | null): string | undefined {
  return location !== null && URL.canParse(location) ? new URL(location).origin : undefined;
}

function isOk({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

function isApiErrorCode(code: string): code is ApiErrorCode {
  return Object.hasOwn(statusOfCode, code);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
