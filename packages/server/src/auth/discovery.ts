// The issuer's own description of itself, where its keys and its introspection are: https://www.rfc-editor.org/rfc/rfc8414

import { isAppError } from '@ondemand/core';
import { z } from 'zod';
import { IssuerFault, type IssuerHttp, issuerUnavailable, type JsonObject } from './issuer-http.ts';

export type EndpointName = 'jwks_uri' | 'introspection_endpoint';

/** `client_secret_basic` or `client_secret_post`. */
export type SecretPlace = 'header' | 'form';

export interface Discovery {
  /** The endpoint's URL; asked for once, and again after `forget()`. Throws `SERVICE_UNAVAILABLE`. */
  find(name: EndpointName): Promise<string>;
  /** Where the issuer takes our secret, most likely first; which of them is registered for us it does not say. Throws `SERVICE_UNAVAILABLE`. */
  secretPlaces(): Promise<readonly [SecretPlace, ...SecretPlace[]]>;
  /** To be called when an endpoint does not answer properly: it may have moved. */
  forget(): void;
}

export interface DiscoveryOptions {
  readonly issuer: string;
  readonly http: IssuerHttp;
}

interface Metadata extends Readonly<Partial<Record<EndpointName, string | undefined>>> {
  readonly token_endpoint_auth_methods_supported?: readonly string[] | undefined;
  readonly introspection_endpoint_auth_methods_supported?: readonly string[] | undefined;
}

/** Asks only when an endpoint is needed that is not configured. */
export function createDiscovery({ issuer, http }: DiscoveryOptions): Discovery {
  let metadata: Promise<Metadata> | undefined;

  return {
    async find(name) {
      const { [name]: url } = await known();
      if (url !== undefined) return url;
      metadata = undefined;
      throw issuerUnavailable(new IssuerFault(`the issuer's metadata has no ${name}`));
    },
    async secretPlaces() {
      const found = await known();
      const methods =
        found.introspection_endpoint_auth_methods_supported ??
        found.token_endpoint_auth_methods_supported ??
        [];
      const takesForm = methods.includes('client_secret_post');
      if (takesForm && !methods.includes('client_secret_basic')) return ['form'];
      return takesForm ? ['header', 'form'] : ['header'];
    },
    forget() {
      metadata = undefined;
    },
  };

  function known(): Promise<Metadata> {
    metadata ??= ask();
    return metadata;
  }

  function ask(): Promise<Metadata> {
    const asked = askEach(toDiscoveryUrls(issuer)).then((answer) => toMetadata(answer, issuer));
    asked.catch(() => {
      if (metadata === asked) metadata = undefined;
    });
    return asked;
  }

  /** What may have been meant, where only the path is wrong. */
  async function describeOrigin(): Promise<string> {
    const { origin, pathname } = new URL(issuer);
    if (pathname === '/') return '';
    return http.getJson(`${origin}/.well-known/openid-configuration`).then(
      (answer) => `, and at ${origin} there is one that says it is ${show(answer.issuer)}`,
      () => '',
    );
  }

  /** The next address only where the one before is not there. */
  async function askEach([url, ...others]: readonly [string, ...string[]]): Promise<JsonObject> {
    try {
      return await http.getJson(url);
    } catch (error) {
      const [next, ...rest] = others;
      if (!isAppError(error) || !(error.cause instanceof IssuerFault)) throw error;
      if (error.cause.status !== 404) throw error;
      if (next !== undefined) return askEach([next, ...rest]);
      throw issuerUnavailable(
        new IssuerFault(
          `no issuer describes itself at OIDC_ISSUER, ${issuer} (HTTP 404)${await describeOrigin()}; OIDC_ISSUER must be the "issuer" of its discovery document, to the letter`,
        ),
      );
    }
  }
}

/** OpenID Connect's, then RFC 8414's, which puts its part before the issuer's path: https://www.rfc-editor.org/rfc/rfc8414#section-3.1 */
function toDiscoveryUrls(issuer: string): readonly [string, ...string[]] {
  const { origin, pathname } = new URL(issuer);
  return [
    `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`,
  ];
}

/** RFC 8414 section 3.3: metadata whose issuer is not the one asked for must not be used. */
function toMetadata(answer: JsonObject, issuer: string): Metadata {
  // Where the issuer is reached over TLS, so are its endpoints.
  const protocol = issuer.startsWith('https:') ? /^https$/ : /^https?$/;
  const url = z.url({ protocol }).optional();
  const methods = z.array(z.string()).optional().catch(undefined);
  const parsed = z
    .looseObject({
      issuer: z.literal(issuer),
      jwks_uri: url,
      introspection_endpoint: url,
      token_endpoint_auth_methods_supported: methods,
      introspection_endpoint_auth_methods_supported: methods,
    })
    .safeParse(answer);
  if (answer.issuer !== issuer)
    throw issuerUnavailable(
      new IssuerFault(
        `the issuer says that it is ${show(answer.issuer)}, OIDC_ISSUER is ${issuer}`,
      ),
    );
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path }) => path.join('.')).join(', ');
    throw issuerUnavailable(
      new IssuerFault(`the issuer's metadata is not that of OIDC_ISSUER: ${wrong} does not fit`),
    );
  }
  return parsed.data;
}

/** For the log: one line, bounded. */
function show(value: unknown): string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value)
    ? value
    : 'nothing that could be one';
}
