// The issuer's own description of itself, where its keys and its introspection are: https://www.rfc-editor.org/rfc/rfc8414

import { z } from 'zod';
import { IssuerFault, type IssuerHttp, issuerUnavailable, type JsonObject } from './issuer-http.ts';

export type EndpointName = 'jwks_uri' | 'introspection_endpoint';

export interface Discovery {
  /** The endpoint's URL; asked for once, and again after `forget()`. Throws `SERVICE_UNAVAILABLE`. */
  find(name: EndpointName): Promise<string>;
  /** To be called when an endpoint does not answer properly: it may have moved. */
  forget(): void;
}

export interface DiscoveryOptions {
  readonly issuer: string;
  readonly http: IssuerHttp;
}

type Metadata = Readonly<Partial<Record<EndpointName, string | undefined>>>;

/** Asks only when an endpoint is needed that is not configured. */
export function createDiscovery({ issuer, http }: DiscoveryOptions): Discovery {
  let metadata: Promise<Metadata> | undefined;

  return {
    async find(name) {
      metadata ??= ask();
      const { [name]: url } = await metadata;
      if (url !== undefined) return url;
      metadata = undefined;
      throw issuerUnavailable(new IssuerFault(`the issuer's metadata has no ${name}`));
    },
    forget() {
      metadata = undefined;
    },
  };

  function ask(): Promise<Metadata> {
    const asked = http.getJson(toDiscoveryUrl(issuer)).then((answer) => toMetadata(answer, issuer));
    asked.catch(() => {
      if (metadata === asked) metadata = undefined;
    });
    return asked;
  }
}

function toDiscoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
}

/** RFC 8414 section 3.3: metadata whose issuer is not the one asked for must not be used. */
function toMetadata(answer: JsonObject, issuer: string): Metadata {
  // Where the issuer is reached over TLS, so are its endpoints.
  const protocol = issuer.startsWith('https:') ? /^https$/ : /^https?$/;
  const url = z.url({ protocol }).optional();
  const parsed = z
    .looseObject({ issuer: z.literal(issuer), jwks_uri: url, introspection_endpoint: url })
    .safeParse(answer);
  if (!parsed.success) {
    const wrong = parsed.error.issues.map(({ path }) => path.join('.')).join(', ');
    throw issuerUnavailable(
      new IssuerFault(`the issuer's metadata is not that of OIDC_ISSUER: ${wrong} does not fit`),
    );
  }
  return parsed.data;
}
