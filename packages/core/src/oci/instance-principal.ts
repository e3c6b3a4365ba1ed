// Credentials of the OCI instance that the API itself runs on. The SDK's own way prints to the console, has no deadlines and keeps timers running.

import {
  createHash,
  createPrivateKey,
  generateKeyPair,
  type KeyPairKeyObjectResult,
  sign as signBytes,
  X509Certificate,
} from 'node:crypto';
import { promisify } from 'node:util';
import { AppError } from '../app-error.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import type { OciIdentity } from './credentials.ts';
import type { HttpExchange, HttpQuestion } from './http-request.ts';
import { parseJson, toField, toText } from './json.ts';

export interface InstancePrincipalOptions {
  readonly exchange: HttpExchange['exchange'];
  readonly timeoutMs: number;
  /** The region's id of OCI's token service, from what the metadata call its region. */
  readonly toAuthEndpoint: (region: string) => string;
  readonly metadataUrl?: string;
  readonly now?: () => number;
  /** Milliseconds that are never set back. */
  readonly elapsedMs?: () => number;
  /** The pair that a token is bound to. */
  readonly createKeys?: () => Promise<KeyPairKeyObjectResult>;
}

export interface InstancePrincipal {
  /** As the metadata name it: an id, or the short code of an old region. */
  readonly region: string;
  /**
   * A token with the key it is bound to. In its last five minutes a new one is fetched, at most every ten seconds; nobody waits for that, nor hears of its failure, while the old one holds.
   * Without a valid one all who ask wait for the same new one. Throws `SERVICE_UNAVAILABLE`, `INTERNAL_ERROR` or the signal's reason; the last to give up stops the fetching.
   */
  identify(signal?: AbortSignal): Promise<OciIdentity>;
  /** Fetches another token than the one that OCI has just refused, though it has not ended; at most every ten seconds. Throws as `identify`. */
  renew(signal?: AbortSignal): Promise<void>;
}

interface Session extends OciIdentity {
  readonly endsAtMs: number;
}

const renewBeforeMs = 5 * 60_000;
const renewAgainAfterMs = 10_000;
/** Far above what the questions take, which have deadlines of their own. */
const maxOpeningMs = 60_000;

export const createSessionKeys = () => promisify(generateKeyPair)('rsa', { modulusLength: 2048 });

/** Asks the metadata service who this machine is. Throws `SERVICE_UNAVAILABLE` off OCI, or the signal's reason. https://docs.oracle.com/iaas/Content/Identity/Tasks/callingservicesfrominstances.htm */
export async function createInstancePrincipal(
  {
    exchange,
    timeoutMs,
    toAuthEndpoint,
    metadataUrl = 'http://169.254.169.254/opc/v2',
    now = Date.now,
    elapsedMs = () => performance.now(),
    createKeys = createSessionKeys,
  }: InstancePrincipalOptions,
  signal?: AbortSignal,
): Promise<InstancePrincipal> {
  const region = (await readMetadata('instance/region', signal)).trim();
  const authEndpoint = toAuthEndpoint(region);
  let session: Session | undefined;
  let mayRenewAtMs = Number.NEGATIVE_INFINITY;
  let mayReplaceAtMs = Number.NEGATIVE_INFINITY;
  const openings = createSingleFlight({ deadlineMs: maxOpeningMs, joinsRunning: true });
  const renew = (caller?: AbortSignal) =>
    openings.read("the token of this machine's instance principal", openSession, {
      signal: caller,
    });

  return {
    region,
    async identify(caller) {
      const leftMs = session === undefined ? 0 : session.endsAtMs - now();
      if (session === undefined || leftMs <= 0) return renew(caller);
      // A slow or failing token service must not delay callers whose token is still valid.
      if (leftMs <= renewBeforeMs && elapsedMs() >= mayRenewAtMs) renew().catch(() => {}); // reported to callers once the old one has expired
      return session;
    },
    async renew(caller) {
      if (session === undefined || elapsedMs() < mayReplaceAtMs) return;
      await renew(caller);
      mayReplaceAtMs = elapsedMs() + renewAgainAfterMs;
    },
  };

  async function openSession(stop: AbortSignal): Promise<Session> {
    mayRenewAtMs = elapsedMs() + renewAgainAfterMs;
    // The machine's certificate is short-lived too, so it is read again for each token.
    const [certificatePem, keyPem, intermediatePem, sessionKey] = await Promise.all([
      readMetadata('identity/cert.pem', stop),
      readMetadata('identity/key.pem', stop),
      readMetadata('identity/intermediate.pem', stop),
      createKeys(),
    ]);
    const certificate = new X509Certificate(certificatePem);
    const body = JSON.stringify({
      certificate: toBase64Der(certificatePem),
      purpose: 'DEFAULT',
      publicKey: sessionKey.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      intermediateCertificates: [toBase64Der(intermediatePem)],
    });
    const url = `${authEndpoint}/v1/x509`;
    const headers = signTokenRequest(url, body, {
      keyId: `${toTenancy(certificate)}/fed-x509/${certificate.fingerprint.toLowerCase()}`,
      keyPem,
      date: new Date(now()),
    });
    const token = await askToken({ url, headers, body, signal: stop });
    session = {
      keyId: `ST$${token}`,
      privateKeyPem: sessionKey.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
      endsAtMs: toExpiryMs(token) ?? now() + 2 * renewBeforeMs,
    };
    return session;
  }

  async function readMetadata(path: string, stop: AbortSignal | undefined): Promise<string> {
    const url = `${metadataUrl}/${path}`;
    const headers = { authorization: 'Bearer Oracle' };
    const answer = await exchange({ method: 'GET', url, headers, timeoutMs, signal: stop }).catch(
      (cause: unknown) => {
        stop?.throwIfAborted();
        throw toUnavailable("OCI's metadata service did not answer", cause);
      },
    );
    if (answer.status === 200) return answer.body;
    throw toUnavailable(`OCI's metadata service answered HTTP ${answer.status}`);
  }

  async function askToken(
    question: Pick<HttpQuestion, 'url' | 'headers' | 'body' | 'signal'>,
  ): Promise<string> {
    const answer = await exchange({ ...question, method: 'POST', timeoutMs }).catch(
      (cause: unknown) => {
        question.signal?.throwIfAborted();
        throw toUnavailable("OCI's token service did not answer", cause);
      },
    );
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
      throw new AppError(
        'INTERNAL_ERROR',
        `OCI's token service refused this machine's certificate (HTTP ${answer.status}); check its dynamic group and its clock`,
        { text: 'OCI refused our credentials' },
      );
    }
    const token = answer.status === 200 ? toToken(answer.body) : undefined;
    if (token !== undefined) return token;
    throw toUnavailable(`OCI's token service gave no token (HTTP ${answer.status})`);
  }
}

function toUnavailable(what: string, cause?: unknown): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${what}; OCI_AUTH=instance_principal works only on an OCI instance`,
    { text: 'OCI not reachable', details: { reason: 'NO_INSTANCE_PRINCIPAL' }, cause },
  );
}

/** The token service signs `date`, not `x-date`. https://docs.oracle.com/iaas/Content/API/Concepts/signingrequests.htm */
function signTokenRequest(
  url: string,
  body: string,
  { keyId, keyPem, date }: { keyId: string; keyPem: string; date: Date },
): Record<string, string> {
  const { host, pathname } = new URL(url);
  const headers = {
    date: date.toUTCString(),
    host,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'x-content-sha256': createHash('sha256').update(body).digest('base64'),
  };
  const { date: day, ...others } = headers;
  const signed = Object.entries({ date: day, '(request-target)': `post ${pathname}`, ...others });
  const text = signed.map(([name, value]) => `${name}: ${value}`).join('\n');
  const signature = signBytes('sha256', Buffer.from(text), createPrivateKey(keyPem));
  const names = signed.map(([name]) => name).join(' ');
  return {
    ...headers,
    authorization: `Signature version="1",keyId="${keyId}",algorithm="rsa-sha256",headers="${names}",signature="${signature.toString('base64')}"`,
  };
}

function toTenancy(certificate: X509Certificate): string {
  const tenancy = /opc-(?:tenant|identity):([\w.-]+)/.exec(certificate.subject)?.[1];
  if (tenancy !== undefined) return tenancy;
  throw toUnavailable("This machine's certificate names no tenancy");
}

function toBase64Der(pem: string): string {
  return new X509Certificate(pem).raw.toString('base64');
}

/** Undefined for what could not stand in a signature's `keyId`. */
function toToken(body: string): string | undefined {
  const token = toText(parseJson(body), 'token');
  return token !== undefined && /^[\w.~+/=-]+$/.test(token) ? token : undefined;
}

function toExpiryMs(token: string): number | undefined {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
  const seconds = toField(parseJson(claims), 'exp');
  return typeof seconds === 'number' ? seconds * 1000 : undefined;
}
