// Requests JSON from the issuer: one deadline, no redirects, a bounded answer, JSON only.

import { AppError, withDeadline } from '@ondemand/core';

export type Fetch = typeof fetch;

export type JsonObject = Readonly<Record<string, unknown>>;

/** Both throw `SERVICE_UNAVAILABLE` unless the issuer answers 200 with a JSON object in time. */
export interface IssuerHttp {
  getJson(url: string): Promise<JsonObject>;
  /** With our own secret, in the header or in the form. */
  postForm(
    url: string,
    form: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>>,
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
    postForm: (url, form, headers) =>
      ask(url, {
        method: 'POST',
        headers: { accept: 'application/json', ...headers },
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
    const isJson = /[/+]json\b/i.test(response.headers.get('content-type') ?? 'application/json');
    if (response.status === 200 && isJson) return toObject(await readText(response));
    const refusal = isJson ? toRefusal(await readText(response), toSecrets(init)) : {};
    await response.body?.cancel();
    throw toFault(response, { ...refusal, sentSecret: init.method === 'POST' });
  }
}

/** What the issuer did wrong, in our own words: a raw upstream error may quote what was sent or answered. */
export class IssuerFault extends Error {
  override readonly name = 'IssuerFault';
  readonly retryAfterSeconds: number | undefined;
  /** Of the answer, if there was one. */
  readonly status: number | undefined;
  /** The message without what the issuer says, which is for the log alone. */
  readonly ownWords: string;

  constructor(
    message: string,
    retryAfterSeconds?: number,
    status?: number,
    ownWords: string = message,
  ) {
    super(message);
    this.retryAfterSeconds = retryAfterSeconds;
    this.status = status;
    this.ownWords = ownWords;
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

interface Refusal {
  /** OAuth's `error`. */
  readonly code?: string | undefined;
  /** OAuth's `error_description`, fit for the log. */
  readonly says?: string | undefined;
}

function toFault(
  { status, headers }: Response,
  { code, says, sentSecret }: Refusal & { readonly sentSecret: boolean },
): IssuerFault {
  if (status === 200) {
    const type = headers.get('content-type') ?? '';
    return new IssuerFault(
      /[/+]jwt\b/i.test(type)
        ? 'the issuer signs its introspection answers (application/token-introspection+jwt), and this API reads plain JSON; turn that off for the client OIDC_CLIENT_ID'
        : 'the issuer answered something other than JSON',
    );
  }
  const isOurs = sentSecret && (status === 401 || status === 403 || code === 'invalid_client');
  const tell = (answer: string) =>
    isOurs
      ? `the issuer refused this API's own client credentials (${answer}); check OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, and at the issuer that this client may introspect and use client_secret_basic`
      : `the issuer answered ${answer}`;
  const own = [`HTTP ${status}`, code].filter(Boolean).join(', ');
  return new IssuerFault(
    tell(says ? `${own}, it says: ${says}` : own),
    isOurs ? undefined : toWaitSeconds(status, headers),
    status,
    tell(own),
  );
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-5.2 */
function toRefusal(text: string, secrets: readonly string[]): Refusal {
  try {
    const { error, error_description: description } = toObject(text);
    return {
      code: typeof error === 'string' && /^[\w.:-]{1,60}$/.test(error) ? error : undefined,
      says: typeof description === 'string' ? toWords(description, secrets) : undefined,
    };
  } catch {
    return {};
  }
}

/** One bounded line without what the issuer was asked about, and without what could be a token. */
function toWords(text: string, secrets: readonly string[]): string | undefined {
  const plain = secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text);
  const line = plain
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .replaceAll(/[\w.~+=-]{40,}/g, '…');
  const characters = [...line];
  if (characters.length <= maxDescription) return line === '' ? undefined : line;
  return `${characters.slice(0, maxDescription).join('')}…`;
}

const maxDescription = 200;

/** What was sent in confidence: the token, and our own secret in the form or the header. */
function toSecrets({ body, headers }: RequestInit): readonly string[] {
  const form = body instanceof URLSearchParams ? body : new URLSearchParams();
  const [, basic = ''] = (new Headers(headers).get('authorization') ?? '').split(' ');
  const [, secret = ''] = /:(.*)$/s.exec(Buffer.from(basic, 'base64').toString()) ?? [];
  const sent = [form.get('token'), form.get('client_secret'), basic, secret];
  return sent.filter((value) => value !== null && value !== '') as string[]; // as filtered
}

/** Undefined unless the issuer asks to be left alone; at most an hour, whatever it says. */
function toWaitSeconds(status: number, headers: Headers): number | undefined {
  const value = headers.get('retry-after') ?? '';
  const seconds = /^\d/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
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
  if (typeof code === 'string')
    return `the issuer could not be asked (${code})${isUnknownCa(code) ? caAdvice : ''}`;
  // https://fetch.spec.whatwg.org/#port-blocking
  if (cause instanceof Error && cause.message === 'bad port')
    return 'the issuer could not be asked: its port is one of those that fetch never asks; let it listen on another';
  return 'the issuer could not be asked, or answered with a redirect';
}

/** https://nodejs.org/api/tls.html#x509-certificate-error-codes */
function isUnknownCa(code: string): boolean {
  return /^(?:UNABLE_TO_(?:VERIFY|GET)|SELF_SIGNED|DEPTH_ZERO)/.test(code);
}

const caAdvice =
  ", as its certificate is from no CA that Node knows; name the file with that CA's certificate in NODE_EXTRA_CA_CERTS";
