// What makes the library's page at `/docs` ours: a title bar, the reader's colour scheme with enough contrast, and room for a phone.

/** The library's page has none, and a phone would show it as wide as a desktop. */
export const viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">';

export const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#1b6ef3"/><path d="M32 14v18" stroke="#fff" stroke-width="6" stroke-linecap="round"/><path d="M21 21a16 16 0 1 0 22 0" fill="none" stroke="#fff" stroke-width="6" stroke-linecap="round"/></svg>';

/** The class is the library's own. `title` is text. */
export const toThemeScript = (title: string): string => `(() => {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
  dark.addEventListener('change', follow);
  follow();
  const link = document.createElement('a');
  link.href = document.querySelector('link[rel=icon]').href.replace(/docs\\/static\\/.*/, '');
  link.textContent = ${JSON.stringify(title)};
  const bar = document.createElement('header');
  bar.className = 'product-bar';
  bar.append(link);
  document.body.prepend(bar);
})();
`;

export const themeStyle = `
.product-bar { padding: .9rem 20px; background: #10141a; }
.product-bar a { color: #fff; font: 600 1rem system-ui, sans-serif; text-decoration: none; }
.swagger-ui .info { margin: 1.5rem 0; }
.swagger-ui .info .title { font-size: 1.6rem; }
.swagger-ui .scheme-container { margin: 0 0 1rem; padding: 1rem 0; }
.swagger-ui .body-param__text { min-height: 7rem; }
/* There is one server, no answer links to others, and each operation can be tried at once. */
.swagger-ui :is(.servers, .servers-title, .try-out, .response-col_links) { display: none; }

.dark-mode .swagger-ui .header-col { color: #e4e6e6; }
html:not(.dark-mode) .swagger-ui :is(.info a, .info .url) { color: #1c64b4; }
html:not(.dark-mode) .swagger-ui :is(.version, .download-contents) { background: #5b6270; }
html:not(.dark-mode) .swagger-ui .version-stamp .version { background: #4d6b00; }
html:not(.dark-mode) .swagger-ui .btn.authorize { border-color: #17794a; }
html:not(.dark-mode) .swagger-ui :is(.btn.authorize, .btn.authorize span) { color: #17794a; }
html:not(.dark-mode) .swagger-ui :is(.opblock-get .opblock-summary-method, .btn.execute) { background: #1c64b4; }
html:not(.dark-mode) .swagger-ui .opblock-post .opblock-summary-method { background: #17794a; }
html:not(.dark-mode) .swagger-ui .opblock-delete .opblock-summary-method { background: #c62828; }
html:not(.dark-mode) .swagger-ui :is(.parameter__in, .json-schema-2020-12-expand-deep-button) { color: #595959; }

@media (max-width: 700px) {
  .product-bar { padding-inline: 12px; }
  .swagger-ui :is(.wrapper, .information-container) { padding: 0 12px; }
  .swagger-ui :is(table, tbody, tr, td) { display: block; width: 100%; }
  .swagger-ui thead { display: none; }
  .swagger-ui :is(.response-col_status, .response-col_description, .parameters-col_name) { padding: .4rem 0; }
}
`;
