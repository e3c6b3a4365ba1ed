// The public pages, without a token: the documents, an interactive page, health, and where to get a token.

import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { stringify } from 'yaml';
import type { OpenApiDocument } from './document.ts';

export const docsPath = '/docs';
export const resourceMetadataPath = '/.well-known/oauth-protected-resource';

export interface DocsOptions {
  readonly document: OpenApiDocument;
  /** RFC 9728 */
  readonly resourceMetadata: Readonly<Record<string, unknown>>;
}

export async function registerDocs(app: FastifyInstance, options: DocsOptions) {
  const { document, resourceMetadata } = options;
  let yaml: string | undefined; // made when it is first asked for, as it takes a tenth of the start
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, isPublic: true };
  });
  app.addHook('onRequest', async ({ raw: { headers } }) => {
    for (const name of conditions) delete headers[name];
  });
  app.get('/', (_request, reply) => reply.redirect(docsPath));
  app.get('/openapi.json', () => document);
  app.get('/openapi.yaml', (_request, reply) => {
    yaml ??= stringify(document);
    return reply.type('application/yaml').send(yaml);
  });
  app.get(resourceMetadataPath, () => resourceMetadata);
  await app.register(swagger, {
    mode: 'static',
    // Whatever address the page was opened by, it calls the API there. The plugin's own type of OpenAPI 3.1 is stricter than the standard.
    specification: { document: { ...document, servers: [{ url: '..' }] } as never },
  });
  await app.register(swaggerUi, {
    routePrefix: docsPath,
    indexPrefix: '.', // files by relative URLs, so that it works below a proxy's path too
    theme: { title: document.info.title },
    uiConfig: { tryItOutEnabled: true, docExpansion: 'list' },
    staticCSP: contentSecurityPolicy,
  });
}

/** A request with one gets the whole file: 412 and 416 have no code in this API. */
const conditions = ['range', 'if-match', 'if-unmodified-since'];

/** All that the page needs is served here; it calls only this API. */
const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'self'; frame-ancestors 'none'";
