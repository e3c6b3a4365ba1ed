// The issuer's part of a diagnosis, asked anew: where it is, its keys, and whether it knows this API as a client.

import { AppError, isAppError, type OwnFindings } from '@ondemand/core';
import type { ClaimRules } from '../auth/claims.ts';
import { createDiscovery } from '../auth/discovery.ts';
import { createIntrospector, type IntrospectionClient } from '../auth/introspection.ts';
import { createIssuerHttp, type Fetch, IssuerFault } from '../auth/issuer-http.ts';
import { createKeySet } from '../auth/key-set.ts';
import { anyOrigin } from '../auth/principal.ts';

export interface IssuerCheckOptions {
  readonly rules: ClaimRules;
  readonly jwksUri?: string | undefined;
  readonly introspectionUri?: string | undefined;
  readonly client?: IntrospectionClient | undefined;
  readonly fetch?: Fetch;
  readonly date?: () => Date;
}

type Check = OwnFindings['checks'][number];

/** Never throws. */
export async function checkIssuer(options: IssuerCheckOptions): Promise<OwnFindings> {
  const { rules, jwksUri, introspectionUri, client, date = () => new Date() } = options;
  const { fetch: fetchAnswer = fetch } = options;
  let offsetMs: number | undefined;
  const http = createIssuerHttp({
    async fetch(url, init) {
      const response = await fetchAnswer(url, init);
      const itsMs = Date.parse(response.headers.get('date') ?? '');
      if (Number.isFinite(itsMs)) offsetMs = itsMs - date().getTime();
      return response;
    },
  });
  const discovery = createDiscovery({ issuer: rules.issuer, http });
  const issuer = await checkDiscovery();
  const isKnown = issuer.status === 'ok';
  const [keys, asClient] = await Promise.all([
    isKnown || jwksUri !== undefined ? checkKeys() : skipped('issuer-keys'),
    isKnown || introspectionUri !== undefined ? checkClient() : skipped('issuer-client'),
  ]);
  const clockOffsets = offsetMs === undefined ? [] : [{ of: 'the issuer', offsetMs }];
  return { checks: [issuer, keys, asClient], clockOffsets };

  async function checkDiscovery(): Promise<Check> {
    const name = 'issuer';
    if (jwksUri !== undefined && (client === undefined || introspectionUri !== undefined)) {
      const message = 'Not asked where it is, as OIDC_JWKS_URI says so';
      return { name, status: 'ok', message };
    }
    return toCheck(name, `The issuer ${rules.issuer} describes itself`, () =>
      discovery.find(jwksUri === undefined ? 'jwks_uri' : 'introspection_endpoint'),
    );
  }

  function checkKeys(): Promise<Check> {
    const keySet = createKeySet({ http, discovery, jwksUri });
    return toCheck('issuer-keys', 'The issuer publishes its keys, so tokens can be checked', () =>
      keySet.load(),
    );
  }

  async function checkClient(): Promise<Check> {
    const name = 'issuer-client';
    if (client === undefined) {
      const message =
        'Without OIDC_CLIENT_ID and OIDC_CLIENT_SECRET only JWTs are taken; where the issuer gives opaque tokens, set both';
      return { name, status: 'skipped', message };
    }
    const introspect = createIntrospector({ http, discovery, rules, client, introspectionUri });
    return toCheck(name, 'The issuer lets this API ask about opaque tokens', () =>
      introspect('no-token-of-anybody', anyOrigin).catch((error: unknown) => {
        if (!isAppError(error, 'UNAUTHORIZED')) throw error; // as it is for a token that nobody has
      }),
    );
  }
}

function skipped(name: Check['name']): Check {
  return { name, status: 'skipped', message: 'Not asked, as issuer failed' };
}

async function toCheck(
  name: Check['name'],
  message: string,
  ask: () => Promise<unknown>,
): Promise<Check> {
  try {
    await ask();
    return { name, status: 'ok', message };
  } catch (error) {
    return { name, status: 'failed', ...describe(error) };
  }
}

/** What callers are told is that no token can be checked; an operator is told why. */
function describe(error: unknown): Pick<Check, 'message' | 'details'> {
  const cause = isAppError(error) ? error.cause : undefined;
  if (!(cause instanceof IssuerFault))
    return { message: error instanceof AppError ? error.message : 'It failed inside the API' };
  return {
    message: `No token can be checked: ${cause.ownWords}`,
    details: { reason: 'ISSUER_UNAVAILABLE' },
  };
}
