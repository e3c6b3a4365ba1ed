// Discovers the API's issuer (RFC 9728) and the issuer's endpoints (RFC 8414).

import { type AuthorizationServer, discoveryRequest, processDiscoveryResponse } from 'oauth4webapi';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { startDeadline } from '../wait/deadline.ts';
import {
  type IssuerFailure,
  isBare,
  toCertificateAdvice,
  toCliError,
  toIssuerFailure,
} from './issuer-failure.ts';
import { assertPrivate, isLoopback, toRequestOptions } from './issuer-http.ts';
import { type Audience, toApiKey } from './login-file-format.ts';

export interface ApiIssuer {
  /** Exactly as the API writes it. */
  readonly issuer: string;
  /** What the API checks for; undefined when it does not say. */
  readonly scopes: readonly string[] | undefined;
  /** What it wants a token to be for; undefined when it does not say. */
  readonly audience: Audience | undefined;
}

/** Throws `CliError`: the API is not there, names no issuer, or is not to be believed. */
export async function askApiForIssuer(
  url: string,
  signal: AbortSignal,
  timeoutMs = 10_000,
): Promise<ApiIssuer> {
  const base = new URL(url);
  if (base.protocol !== 'https:' && !isLoopback(base)) {
    throw new CliError(
      exitCodes.failed,
      `${toApiKey(url)} is not on https, so anyone on the way could name a false issuer; use its https address, or name the issuer with --issuer`,
    );
  }
  return toApiIssuer(toMetadata(await ask(url, signal, timeoutMs), url), url);
}

/** Judges what answered at `url`. Throws `CliError`. */
export function toApiIssuer(metadata: Readonly<Record<string, unknown>>, url: string): ApiIssuer {
  const { resource, authorization_servers: issuers, scopes_supported: scopes } = metadata;
  const [issuer] = Array.isArray(issuers) ? issuers : [];
  if (typeof issuer !== 'string' || !URL.canParse(issuer)) throw namesNone(url);
  // RFC 9728, section 3.3: else a false API could have itself a token for a true one. On this machine it has many names.
  if (!isLoopback(new URL(url)) && !isSame(resource, url)) {
    throw new CliError(
      exitCodes.failed,
      `The API at ${toApiKey(url)} goes by another address (its PUBLIC_URL); log in with that as --url, or name the issuer with --issuer`,
    );
  }
  const isList = Array.isArray(scopes) && scopes.every((scope) => typeof scope === 'string');
  return {
    issuer,
    scopes: isList && scopes.length > 0 ? scopes : undefined,
    audience: toToldAudience(metadata, url),
  };
}

/** This API names its audience; any other has it as its `resource`, where it follows RFC 9728. */
function toToldAudience(
  { audience, resource }: Readonly<Record<string, unknown>>,
  url: string,
): Audience | undefined {
  if (typeof audience === 'string' && audience !== '') return { value: audience, isGuess: false };
  if (!isSame(resource, url)) return undefined;
  return { value: toApiKey(url), isGuess: true, isResource: true };
}

/** The issuer's endpoints, by OpenID Connect Discovery, else by RFC 8414. Throws `CliError`. */
export async function discover(issuer: string, signal: AbortSignal): Promise<AuthorizationServer> {
  const identifier = assertPrivate(new URL(issuer));
  try {
    return await request(identifier, 'oidc', signal);
  } catch (error) {
    const failure = toIssuerFailure(error, signal);
    const other = mayKnowOther(failure)
      ? await request(identifier, 'oauth2', signal).catch(() => undefined)
      : undefined;
    if (other !== undefined) return other;
    signal.throwIfAborted();
    throw toCliError(isMissing(failure) ? noDocument : failure, {
      issuer,
      doing: 'asked for its discovery document',
      cause: error,
    });
  }
}

async function request(
  identifier: URL,
  algorithm: 'oidc' | 'oauth2',
  signal: AbortSignal,
): Promise<AuthorizationServer> {
  const response = await discoveryRequest(identifier, { ...toRequestOptions(signal), algorithm });
  return processDiscoveryResponse(identifier, response);
}

/** It answered, but not with a document; a web page may stand for any path. */
function mayKnowOther(failure: IssuerFailure): boolean {
  if (failure.kind === 'refused') return isBare(failure.code);
  return failure.kind === 'unavailable' && /^HTTP [23]/.test(failure.reason);
}

/** A proxy may forbid it to us, which is another matter. */
function isMissing(failure: IssuerFailure): boolean {
  return failure.kind === 'refused' && isBare(failure.code) && !/40[13]$/.test(failure.code);
}

const noDocument: IssuerFailure = {
  kind: 'incapable',
  reason:
    'it has neither /.well-known/openid-configuration nor /.well-known/oauth-authorization-server; check its address',
};

interface Answer extends Pick<Response, 'status' | 'ok'> {
  readonly text: string;
}

function toMetadata({ status, ok, text }: Answer, url: string): Record<string, unknown> {
  if (status === 429 || status >= 500) {
    throw new CliError(
      exitCodes.unavailable,
      `${toApiKey(url)} is not available (HTTP ${status}); try again later`,
    );
  }
  try {
    const metadata: unknown = JSON.parse(text);
    if (ok && typeof metadata === 'object' && metadata !== null) return { ...metadata };
  } catch {
    // An answer without JSON is told below like any other that is not the API's.
  }
  throw namesNone(url);
}

async function ask(url: string, signal: AbortSignal, timeoutMs: number): Promise<Answer> {
  using deadline = startDeadline(timeoutMs, signal);
  try {
    return await deadline.bound(load(url, deadline.signal));
  } catch (error) {
    if (signal.aborted) throw error;
    const reason = toReason(error);
    const advice = reason === undefined ? undefined : toCertificateAdvice(reason);
    throw new CliError(
      exitCodes.unavailable,
      `The API at ${toApiKey(url)} could not be asked for its issuer${reason === undefined ? '' : ` (${reason})`}; ${advice ?? '--url or ONDEMAND_URL says where the API is'}`,
      { cause: error },
    );
  }
}

function toReason(error: unknown): string | undefined {
  if (!(error instanceof TypeError)) return undefined;
  const failure = toIssuerFailure(error, new AbortController().signal);
  return failure.kind === 'unavailable' ? failure.reason : undefined;
}

async function load(url: string, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(`${toApiKey(url)}/.well-known/oauth-protected-resource`, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal,
  });
  return { status: response.status, ok: response.ok, text: await response.text() };
}

function namesNone(url: string): CliError {
  return new CliError(
    exitCodes.failed,
    `What answers at ${toApiKey(url)} names no issuer, so it may not be this API; --url says where the API is, --issuer who issues its tokens`,
  );
}

function isSame(resource: unknown, url: string): boolean {
  return (
    typeof resource === 'string' && URL.canParse(resource) && toApiKey(resource) === toApiKey(url)
  );
}
