// Each error is checked whole wherever one is expected: status, body, headers, and what must never be in them.

import { readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** The published reference's codes with their status, written down again on purpose: drift shows. */
const statusOf = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
} as const;

export type ApiErrorCode = keyof typeof statusOf;

export interface ApiErrorBody {
  readonly error: string;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * Reads the response and checks that it is the contract's `ApiError` of this code in every part; resolves with the body.
 * Its `error` is one of the texts that `docs/errors.md` lists for the code, and the given one where one is given.
 * @example
 * const { details } = await expectApiError(await app.post('/vm/start'), 'CONFLICT', 'VM is starting');
 */
export async function expectApiError(
  response: Response,
  code: ApiErrorCode,
  error?: string,
): Promise<ApiErrorBody> {
  const text = await response.text();
  const status = statusOf[code];
  expect(`${response.status} ${text}`).toMatch(new RegExp(`^${status} `));
  expect(response.headers.get('content-type')).toMatch(/^application\/json(; charset=utf-8)?$/);
  const body = parseBody(text);
  expect(Object.keys(body).sort()).toEqual(['code', 'details', 'error', 'message']);
  expect(body).toMatchObject({ error: error ?? expect.toBeOneOf(textsOf(code)), code });
  expect(body.message).toEqual(expect.stringMatching(/\S/));
  expect(body.details).toBeTypeOf('object');
  expect(body.details.requestId).toEqual(expect.stringMatching(/\S/));
  expect(response.headers.get('x-request-id')).toBe(body.details.requestId);
  if (code === 'BAD_REQUEST') expectIssues(body.details.issues);
  if (code === 'SERVICE_UNAVAILABLE') {
    const { reason, lifecycleState } = body.details;
    expect(reason ?? lifecycleState, body.message).toEqual(expect.stringMatching(/^[A-Z_]+$/));
  }
  expectHeaders(response.headers, code);
  expectNoInternals(text);
  return body;
}

/** From the documentation and not from the code: both have to agree. */
function textsOf(code: ApiErrorCode): string[] {
  const list = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const rows = list.matchAll(/^\| (?<text>[A-Z][^|`]+) \| (?<codes>`[A-Z_`, ]+`) \|/gm);
  return [...rows]
    .filter(({ groups }) => groups?.codes?.includes(`\`${code}\``))
    .map(({ groups }) => groups?.text ?? '');
}

function parseBody(text: string): ApiErrorBody {
  try {
    return JSON.parse(text) as ApiErrorBody; // each part is checked by the caller
  } catch {
    return expect.unreachable(`the body is not JSON: ${text}`);
  }
}

function expectIssues(issues: unknown): void {
  expect(issues).toBeInstanceOf(Array);
  expect(issues).not.toEqual([]);
  const issue = { path: expect.any(String), message: expect.stringMatching(/\S/) };
  for (const each of issues as readonly unknown[]) expect(each).toMatchObject(issue);
}

function expectHeaders(headers: Headers, code: ApiErrorCode): void {
  const challenge = headers.get('www-authenticate');
  if (code === 'UNAUTHORIZED') {
    expect(challenge).toMatch(/^Bearer realm="[^"]+", /);
    expect(challenge).toMatch(/resource_metadata="https?:\/\/[^"]+"/);
  } else if (code === 'FORBIDDEN') {
    expect(challenge).toMatch(/^Bearer .*error="insufficient_scope"/);
    expect(challenge).toMatch(/scope="[^"]+"/);
  } else if (code !== 'BAD_REQUEST') {
    // A 400 has one when the credentials themselves are malformed (RFC 6750, section 3.1).
    expect(challenge).toBeNull();
  }
  if (code === 'METHOD_NOT_ALLOWED') expect(headers.get('allow')).toMatch(/^[A-Z]+(, [A-Z]+)*$/);
  if (code === 'TOO_MANY_REQUESTS') expect(headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
}

/** A JWT has more behind its dot; a fingerprint at the end of a sentence can look like its first part. */
export const jwtPattern = /eyJ[\w-]{10,}\.[\w-]/;

const internals: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['a stack', /\n\s*at |\\n\s+at |node:internal|\.[cm]?[jt]s:\d+/],
  ['a file path', /(?<![\w:/])\/(?:home|root|tmp|var|etc|usr|opt|run|work|Users)\/[\w.-]/],
  ['a key', /BEGIN [A-Z ]*(?:PRIVATE KEY|CERTIFICATE)/],
  ['a JWT', jwtPattern],
  ['a token', /authelia_[a-z]t_|Bearer [\w.~+/-]{16,}/],
  ['an upstream error code', /\bE(?:CONNREFUSED|CONNRESET|TIMEDOUT|NOENT|ACCES|PIPE|AI_AGAIN)\b/],
];

/** Fails when an answer tells about the inside of the process; `text` is a body or a header. */
export function expectNoInternals(text: string): void {
  for (const [what, pattern] of internals) {
    expect(text, `an answer must not hold ${what}`).not.toMatch(pattern);
  }
}
