// The public pages, without a token: the documents, an interactive page, and where to get a token. Made when they are first asked for: no start pays for them.

import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { noSuchPath } from '../http/unknown-routes.ts';
import { icon, themeStyle, toThemeScript, viewport } from './docs-theme.ts';
import type { OpenApiDocument } from './document.ts';

export const docsPath = '/docs';
export const resourceMetadataPath = '/.well-known/oauth-protected-resource';

export interface DocsOptions {
  /** Called once. */
  readonly createDocument: () => Promise<OpenApiDocument>;
  /** Whether `/` leads here, as there is no page for people. */
  readonly isFirst: boolean;
  /** RFC 9728 */
  readonly resourceMetadata: Readonly<Record<string, unknown>>;
}

export async function registerDocs(app: FastifyInstance, options: DocsOptions) {
  const { createDocument, resourceMetadata } = options;
  const document = once(createDocument);
  const yaml = once(async () => {
    const [{ stringify }, described] = await Promise.all([import('yaml'), document()]);
    return stringify(described);
  });
  const page = once(async () => openPage(await document()));
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, isPublic: true };
  });
  app.addHook('onRequest', (request, _reply, done) => {
    for (const name of conditions) delete request.raw.headers[name];
    done();
  });
  app.addHook('onClose', async () => {
    const opened = await page.made()?.catch(() => undefined); // its request was told
    await opened?.close();
  });
  if (options.isFirst) app.get('/', (_request, reply) => reply.redirect(docsPath));
  app.get('/openapi.json', document);
  app.get('/openapi.yaml', async (_request, reply) =>
    reply.type('application/yaml').send(await yaml()),
  );
  app.get(resourceMetadataPath, () => resourceMetadata);
  for (const path of ['', '/', '/json', '/yaml', '/static/*'])
    app.get(`${docsPath}${path}`, async (request, reply) => forward(await page(), request, reply));
}

/** The first call's promise is everybody's; one that failed is nobody's after it. */
function once<T>(make: () => Promise<T>) {
  let made: Promise<T> | undefined;
  const get = () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
  return Object.assign(get, { made: () => made });
}

/** An instance of its own, which never listens: plugins cannot be added to one that does. */
async function openPage(document: OpenApiDocument): Promise<FastifyInstance> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ]);
  const page = fastify();
  page.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' ? payload.replace(/(?<=<head>)/, viewport) : payload,
  );
  await page.register(swagger, {
    mode: 'static',
    // Whatever address the page was opened by, it calls the API there. The plugin's own type of OpenAPI 3.1 is stricter than the standard.
    specification: { document: { ...document, servers: [{ url: '..' }] } as never },
  });
  await page.register(swaggerUi, {
    routePrefix: docsPath,
    indexPrefix: '.', // files by relative URLs, so that it works below a proxy's path too
    logo: { type: 'image/svg+xml', content: icon }, // else it reads a file of its own, which the packed server has not
    theme: {
      title: document.info.title,
      css: [{ filename: 'theme.css', content: themeStyle }],
      js: [{ filename: 'theme.js', content: toThemeScript(document.info.title) }],
      favicon: [
        { filename: 'icon.svg', rel: 'icon', type: 'image/svg+xml', sizes: 'any', content: icon },
      ],
    },
    // The base layout has no bar of the library's.
    uiConfig: { tryItOutEnabled: true, docExpansion: 'list', layout: 'BaseLayout' },
    staticCSP: contentSecurityPolicy,
  });
  return page;
}

/** Throws `NOT_FOUND` for what the page does not have. */
async function forward(
  page: FastifyInstance,
  { method, url, headers, params }: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { '*': file = '' } = params as { '*'?: string }; // of the wildcard
  if (file.split('/').some((part) => part === '.' || part === '..')) throw noSuchPath(); // `inject` would resolve them
  const answer = await page.inject({ method: method as 'GET' | 'HEAD', url, headers }); // its routes have no other
  if (answer.statusCode >= 400) throw noSuchPath();
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined && !ownHeaders.has(name)) reply.header(name, value);
  return reply.code(answer.statusCode).send(answer.rawPayload);
}

/** Of a connection, which every answer sets for itself. */
const ownHeaders = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
]);

/** A request with one gets the whole file: 412 and 416 have no code in this API. */
const conditions = ['range', 'if-match', 'if-unmodified-since'];

/** All that the page needs is served here; it calls only this API. */
const contentSecurityPolicy =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; form-action 'none'; base-uri 'self'; frame-ancestors 'none'";
