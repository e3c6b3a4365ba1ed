// The issuer's pages for a person.

import type { ServerResponse } from 'node:http';

export interface HtmlPage {
  readonly status?: number;
  readonly title: string;
  /** HTML, its text escaped. */
  readonly content: string;
}

export function sendPage(
  response: ServerResponse,
  { status = 200, title, content }: HtmlPage,
): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title></head>
<body><h1>${title}</h1>
${content}
</body></html>
`);
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
