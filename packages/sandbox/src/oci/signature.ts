// Checks a request as Oracle does: https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm

import { createHash, type KeyObject, verify } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface SignedRequest {
  readonly method: string;
  /** Path and query exactly as they came. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface SignatureRules {
  /** What `keyId` may be: `TENANCY/USER/FINGERPRINT` or `ST$TOKEN`. */
  readonly keyIds: readonly string[];
  readonly publicKey: KeyObject;
  readonly now: () => Date;
}

const maxSkewMs = 5 * 60_000;
const wrong =
  'The required information to complete authentication was not provided or was incorrect.';

/** Says why the request is not authentic, in words for the answer's `message`; undefined when it is. */
export function findSignatureFlaw(
  request: SignedRequest,
  { keyIds, publicKey, now }: SignatureRules,
): string | undefined {
  const { authorization } = request.headers;
  if (!authorization?.startsWith('Signature ')) return wrong;
  const parameters = new Map(
    Array.from(authorization.matchAll(/(\w+)="([^"]*)"/g), ([, name, value]) => [name, value]),
  );
  if (parameters.get('version') !== '1') return wrong;
  if (parameters.get('algorithm') !== 'rsa-sha256') return wrong;
  if (!keyIds.includes(parameters.get('keyId') ?? '')) return wrong;

  const names = (parameters.get('headers') ?? '').toLowerCase().split(' ');
  const dateName = names.includes('x-date') ? 'x-date' : 'date';
  const hasBody = ['POST', 'PUT', 'PATCH'].includes(request.method);
  const required = [dateName, '(request-target)', 'host', ...(hasBody ? bodyHeaders : [])];
  if (!required.every((name) => names.includes(name))) return wrong;

  const date = headerValue(request, dateName) ?? '';
  const skewMs = Math.abs(now().getTime() - Date.parse(date));
  if (!(skewMs <= maxSkewMs)) {
    return `Date '${date}' is not within allowed clock skew. Current '${now().toUTCString()}'`;
  }
  if (hasBody) {
    const hash = createHash('sha256').update(request.body).digest('base64');
    if (request.headers['x-content-sha256'] !== hash) return wrong;
    if (request.headers['content-length'] !== String(request.body.length)) return wrong;
  }

  const lines: string[] = [];
  for (const name of names) {
    const value = headerValue(request, name);
    if (value === undefined) return wrong;
    lines.push(`${name}: ${value}`);
  }
  const signature = Buffer.from(parameters.get('signature') ?? '', 'base64');
  const genuine = verify('sha256', Buffer.from(lines.join('\n')), publicKey, signature);
  return genuine ? undefined : wrong;
}

const bodyHeaders = ['content-length', 'content-type', 'x-content-sha256'];

function headerValue(request: SignedRequest, name: string): string | undefined {
  if (name === '(request-target)') return `${request.method.toLowerCase()} ${request.url}`;
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}
