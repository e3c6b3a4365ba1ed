// What holds of every answer, whatever was asked.

import { expect } from 'vitest';
import type { ApiDocument, Operation } from './openapi-document.ts';
import type { RawAnswer } from './raw-http.ts';
import type { FuzzWorld } from './world.ts';

const codes: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  408: 'BAD_REQUEST',
  409: 'CONFLICT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  431: 'BAD_REQUEST',
  503: 'SERVICE_UNAVAILABLE',
};

export interface ApiErrorBody {
  readonly error: string;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** An error is whole; its body is returned. */
export function expectWholeError(given: unknown, { status, headers }: RawAnswer): ApiErrorBody {
  const body = given as ApiErrorBody; // each part is checked
  expect(body).toEqual({
    error: expect.stringMatching(/\S/),
    code: codes[status] ?? `a code for ${status}`,
    message: expect.stringMatching(/\S/),
    details: expect.objectContaining({ requestId: headers.get('x-request-id') }),
  });
  if (status === 401 || status === 403) expect(headers.get('www-authenticate')).toMatch(/^Bearer /);
  if (status === 405) expect(headers.get('allow')).toMatch(/^[A-Z]+(, [A-Z]+)*$/);
  return body;
}

/** A success is what the document promises. */
export function expectDocumented(
  { id, answers }: Operation,
  { status, headers, body, isWhole }: RawAnswer,
  document: ApiDocument,
): void {
  const [type = ''] = (headers.get('content-type') ?? '').split(';');
  const schema = answers[status]?.[type];
  expect(schema, `${id} answered ${status} in ${type}`).toBeDefined();
  if (type !== 'application/json' || schema === undefined || !isWhole) return;
  expect(document.check(schema, JSON.parse(body)), body).toBeUndefined();
}

/** A success may name folders of the VM: a container's labels do. */
export function expectNoSecret(
  { status, headers, body }: RawAnswer,
  { secrets, folders }: FuzzWorld,
): void {
  const text = `${JSON.stringify([...headers])}\n${body}`;
  for (const secret of status < 400 ? secrets : [...secrets, ...folders])
    expect(text.includes(secret), text).toBe(false);
  expect(text).not.toMatch(/node_modules|\\n +at |\.[cm]?[jt]s:\d+:\d+/);
}
