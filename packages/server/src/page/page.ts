// The page for people, section 11 of the contract: built by apps/web, served here with its files and what it needs to know. None of it needs a token.

import { vmId } from '@ondemand/core';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { noSuchPath } from '../http/unknown-routes.ts';
import { acceptsGzip } from '../rest/accept-header.ts';
import type { PageFiles } from './page-files.ts';

export interface PageOptions {
  readonly files: PageFiles;
  readonly settings: PageSettings;
  /** Where browsers find all of this; without a slash at its end. */
  readonly publicUrl: string;
}

/** What the page is told, in public. */
export interface PageSettings {
  readonly issuer: string;
  readonly audience?: string | undefined;
  /** Of the page at the issuer; without one a pasted token alone signs in. */
  readonly clientId?: string | undefined;
  /** By their names at the issuer. */
  readonly scopes: readonly string[];
  readonly returnOrigins: readonly string[];
}

/**
 * `/` and `/wake/{name}` are the one page; `/page/…` are its files.
 * `/wake/{name}/redirect` leads to the second, for proxies that can only show another page in place of a failed one.
 */
export async function registerPage(app: FastifyInstance, options: PageOptions) {
  const { files, settings, publicUrl } = options;
  const publicPath = new URL(publicUrl).pathname.replace(/\/$/, '');
  const html = files.index
    .replaceAll('/__BASE__', publicPath)
    .replace('__SETTINGS__', () => escapeAttribute(JSON.stringify(settings)));
  const policy = toContentSecurityPolicy(settings);
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, isPublic: true };
  });
  const sendPage = (_request: unknown, reply: FastifyReply) =>
    reply.type('text/html; charset=utf-8').header('content-security-policy', policy).send(html);
  app.get('/', sendPage);
  app.get('/wake/:name', sendPage);
  app.get<{ Params: { name: string }; Querystring: { to?: string } }>(
    '/wake/:name/redirect',
    ({ params: { name }, query: { to } }, reply) => {
      const query = to === undefined ? '' : `?to=${encodeURIComponent(to)}`;
      const url = escapeAttribute(`${publicUrl}/wake/${encodeURIComponent(name)}${query}`);
      const refresh = `<meta http-equiv="refresh" content="0; url=${url}">`;
      return reply
        .type('text/html; charset=utf-8')
        .send(
          `<!doctype html><title>${vmId} is woken</title>${refresh}<a href="${url}">Wake it</a>`,
        );
    },
  );
  app.get<{ Params: { file: string } }>('/page/:file', (request, reply) => {
    const file = files.assets.get(request.params.file);
    if (file === undefined) throw noSuchPath();
    if (file.isHashed) reply.header('cache-control', 'public, max-age=31536000, immutable');
    const isGzipWanted = acceptsGzip([request.headers['accept-encoding']].flat().join());
    if (isGzipWanted) reply.header('content-encoding', 'gzip');
    return reply
      .type(file.type)
      .header('vary', 'accept-encoding')
      .send(isGzipWanted ? file.gzipped : file.bytes);
  });
}

function escapeAttribute(text: string): string {
  return text.replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Everything is served here; only signing in asks the issuer. */
function toContentSecurityPolicy({ issuer, clientId }: PageSettings): string {
  const connect = clientId === undefined ? "'self'" : `'self' ${new URL(issuer).origin}`;
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "manifest-src 'self'",
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
