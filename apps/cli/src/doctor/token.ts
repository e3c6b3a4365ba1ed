// The token: whether there is one, for whom it is, and what the API makes of it.

import { isApiError, type OnDemandClient, type Whoami } from '@ondemand/client';
import { CliError } from '../cli-error.ts';
import type { Connection, Context } from '../command-context.ts';
import { formatTimeLeft } from '../output/time-left.ts';
import { toFailure } from '../to-failure.ts';
import type { ApiMetadata } from './api-answer.ts';
import type { Report } from './check.ts';

export interface Caller {
  readonly client: OnDemandClient;
  readonly scopes: Whoami['scopes'];
}

/** Undefined where the API takes no token of ours. */
export async function checkToken(
  context: Pick<Context, 'connectFrom' | 'tokenOrigin' | 'signal'>,
  metadata: ApiMetadata,
  report: Report,
): Promise<Caller | undefined> {
  let connection: Connection;
  let token: string;
  try {
    connection = await context.connectFrom();
    token = await connection.token();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    report.failed('token', error.message, toRemedy(context.tokenOrigin));
    return undefined;
  }
  const { client, tokenFrom } = connection;
  const claims = parseClaims(token);
  if (!checkClaims({ claims, metadata, tokenFrom }, report)) return undefined;
  return checkScopes(context, { client, tokenFrom }, report);
}

type Claims = Readonly<Record<string, unknown>>;
type TokenOrigin = Context['tokenOrigin'];

/** Before the API is asked, whose refusals have to be short. */
function checkClaims(
  {
    claims,
    metadata,
    tokenFrom,
  }: {
    readonly claims: Claims | undefined;
    readonly metadata: ApiMetadata;
    readonly tokenFrom: TokenOrigin;
  },
  report: Report,
): boolean {
  if (claims === undefined) {
    report.ok('token', `There is one, from ${tokenFrom}; it is opaque`);
    report.skipped('audience', 'An opaque token does not show whom it is for');
    return true;
  }
  const { iss, aud, exp } = claims;
  const leftMs = Number(exp) * 1000 - Date.now();
  if (leftMs <= 0) {
    report.failed(
      'token',
      `The token from ${tokenFrom} ended ${formatTimeLeft(leftMs)}`,
      toRemedy(tokenFrom),
    );
    return false;
  }
  if (typeof iss === 'string' && !metadata.issuers.includes(iss)) {
    report.failed(
      'token',
      `The token from ${tokenFrom} is of the issuer ${iss}, and this API trusts ${metadata.issuers.join(', ')} alone`,
      toRemedy(tokenFrom),
      { issuer: iss },
    );
    return false;
  }
  const left = Number.isFinite(leftMs) ? `, and ends ${formatTimeLeft(leftMs)}` : '';
  report.ok('token', `There is one, from ${tokenFrom}${left}`);
  return checkAudience(aud, { metadata, tokenFrom }, report);
}

function checkAudience(
  aud: unknown,
  { metadata, tokenFrom }: { readonly metadata: ApiMetadata; readonly tokenFrom: TokenOrigin },
  report: Report,
): boolean {
  const audiences = [aud].flat().map(String);
  const { audience } = metadata;
  if (audience === undefined) {
    report.skipped('audience', 'The API does not tell whom a token has to be for');
    return true;
  }
  if (audiences.includes(audience)) {
    report.ok('audience', `It is for ${audience}, as the API wants it`);
    return true;
  }
  report.failed(
    'audience',
    `The token from ${tokenFrom} is for ${aud === undefined ? 'nobody by name' : audiences.join(', ')}, and this API wants ${audience} (its OIDC_AUDIENCE); ask the issuer for that audience, or set OIDC_AUDIENCE`,
    tokenFrom === 'ONDEMAND_TOKEN' ? toRemedy(tokenFrom) : `${tokenFrom} --audience ${audience}`,
    { audiences, wanted: audience },
  );
  return false;
}

async function checkScopes(
  { signal }: Pick<Context, 'signal'>,
  { client, tokenFrom }: { readonly client: OnDemandClient; readonly tokenFrom: TokenOrigin },
  report: Report,
): Promise<Caller | undefined> {
  try {
    const { sub, scopes, expiresAt } = await client.whoami.query(undefined, { signal });
    const left = formatTimeLeft(Date.parse(expiresAt) - Date.now());
    report.ok('scopes', `The API takes it for ${sub} with ${scopes.join(', ')}; it ends ${left}`, {
      scopes: [...scopes],
      expiresAt,
    });
    return { client, scopes };
  } catch (error) {
    signal.throwIfAborted();
    const { message } = await toFailure(error, tokenFrom);
    if (isApiError(error, 'FORBIDDEN')) {
      report.failed(
        'scopes',
        `The token grants nothing here: ${message}`,
        `${tokenFrom === 'ONDEMAND_TOKEN' ? 'ondemand login' : tokenFrom} --scope admin`,
      );
    } else if (isApiError(error, 'TOKEN_ERROR')) {
      report.failed('token', message, toRemedy(tokenFrom));
    } else if (isApiError(error, 'UNAUTHORIZED')) {
      report.failed(
        'token',
        `The API refuses the token from ${tokenFrom}: ${message}`,
        toRemedy(tokenFrom),
      );
    } else {
      report.failed('scopes', message, 'ondemand-server --check, on the machine of the API');
    }
    return undefined;
  }
}

/** The claims of a JWT, which are not verified here; undefined for any other token. */
export function parseClaims(token: string): Claims | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null ? (claims as Claims) : undefined;
  } catch {
    return undefined;
  }
}

function toRemedy(tokenFrom: TokenOrigin): string {
  return tokenFrom === 'ONDEMAND_TOKEN'
    ? 'set ONDEMAND_TOKEN to a valid access token, or unset it and run ondemand login'
    : tokenFrom;
}
