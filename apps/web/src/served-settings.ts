// Where the page is served, and what the API says of signing in.

export interface PageSettings {
  readonly issuer: string;
  readonly audience?: string;
  /** Undefined: only a pasted token signs in. */
  readonly clientId?: string;
  /** By their names at the issuer. */
  readonly scopes: readonly string[];
  /** Where a wake may lead back to. */
  readonly returnOrigins: readonly string[];
}

/** The path that the API is served below; empty, or without a slash at its end. */
export const basePath = readMeta('ondemand-base');

export const apiUrl = `${location.origin}${basePath}`;

/** The server puts them into the page. */
export const settings: PageSettings = JSON.parse(readMeta('ondemand-settings'));

function readMeta(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? '';
}
