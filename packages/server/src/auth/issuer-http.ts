// Asks the issuer for JSON: one deadline, no redirects, a bounded answer, nothing but JSON believed.

import { AppError, withDeadline } from '@ondemand/core';

export type Fetch = typeof fetch;

export type JsonObject = Readonly<Record<string, unknown>>;

/** Both throw `SERVICE_UNAVAILABLE` unless the issuer answers 200 with a JSON object in time. */
export interface IssuerHttp {
  getJson(url: string): Promise<JsonObject>;
  /** `authorization` is how we ourselves are known to the issuer. */
  postForm(
    url: string,
    form: Readonly<Record<string, string>>,
    authorization: string,
  ): Promise<JsonObject>;
}

export interface IssuerHttpOptions {
  readonly fetch?: Fetch;
  readonly timeoutMs?: number;
}

/** Far above what keys and metadata need. */
const maxAnswerBytes = 512 * 1024;

export function createIssuerHttp({
  fetch: fetchJson = fetch,
  timeoutMs = 5000,
}: IssuerHttpOptions = {}): IssuerHttp {
  return {
    getJson: (url) => ask(url, { headers: { accept: 'application/json' } }),
    postForm: (url, form, authorization) =>
      ask(url, {
        method: 'POST',
        headers: { accept: 'application/json', authorization },
        body: new URLSearchParams(form),
      }),
  };

  async function ask(url: string, init: RequestInit): Promise<JsonObject> {
    try {
      // Up to Node 22 such a fetch forgets its signal with the next collection of garbage once the answer has begun; this does not.
      return await withDeadline((signal) => askNow(url, { ...init, redirect: 'error', signal }), {
        timeoutMs,
        onTimeout: () => new IssuerFault('the issuer did not answer in time'),
      });
    } catch (error) {
      throw issuerUnavailable(
        error instanceof IssuerFault ? error : new IssuerFault(toFaultText(error)),
      );
    }
  }

  async function askNow(url: string, init: RequestInit): Promise<JsonObject> {
    const response = await fetchJson(url, init);
    const problem = toProblem(response, init.method === 'POST');
    if (problem === undefined) return toObject(await readText(response));
    await response.body?.cancel();
    throw problem;
  }
}

/** What the issuer did wrong, in our own words: a raw upstream error may quote what was sent or answered. */
export class IssuerFault extends Error {
  override readonly name = 'IssuerFault';
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, retryAfterSeconds?: number) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The token could not be checked; that is no verdict on the token. */
export function issuerUnavailable(cause: IssuerFault): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    'The token could not be checked, as its issuer does not answer properly; try again shortly',
    {
      text: 'Token issuer not reachable',
      details: {
        reason: 'ISSUER_UNAVAILABLE',
        retryAfterSeconds: cause.retryAfterSeconds ?? defaultRetryAfterSeconds,
      },
      cause,
    },
  );
}

const defaultRetryAfterSeconds = 5;

function toProblem({ status, headers }: Response, sentSecret: boolean): IssuerFault | undefined {
  if (status === 200) {
    const type = headers.get('content-type') ?? 'application/json';
    return /[/+]json\b/i.test(type)
      ? undefined
      : new IssuerFault('the issuer answered something other than JSON');
  }
  if (sentSecret && (status === 401 || status === 403))
    return new IssuerFault(
      `the issuer refused this API's own client credentials (HTTP ${status}); check OIDC_CLIENT_ID and OIDC_CLIENT_SECRET`,
    );
  return new IssuerFault(`the issuer answered HTTP ${status}`, toWaitSeconds(status, headers));
}

/** Undefined unless the issuer asks to be left alone; at most an hour, whatever it says. */
function toWaitSeconds(status: number, headers: Headers): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN); // a date is not worth reading
  if (Number.isFinite(seconds)) return Math.min(Math.max(Math.ceil(seconds), 1), 3600);
  return status === 429 ? defaultRetryAfterSeconds : undefined;
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Node's web streams are async iterable; leaving the loop cancels the rest.
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > maxAnswerBytes) throw new IssuerFault('the issuer answered far too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function toObject(text: string): JsonObject {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new IssuerFault('the issuer answered JSON that is no object');
  return value as JsonObject; // checked on the line above
}

/** V8's message would quote the answer. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new IssuerFault('the issuer answered something other than JSON');
  }
}

/** Names and codes tell what happened to the connection; messages and properties could tell more than that. */
function toFaultText(error: unknown): string {
  if (!(error instanceof Error)) return 'the issuer could not be asked';
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (typeof code === 'string') return `the issuer could not be asked (${code})`;
  return 'the issuer could not be asked, or answered with a redirect';
}
