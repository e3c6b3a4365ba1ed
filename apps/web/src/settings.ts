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
export const basePath =
  document.querySelector<HTMLMetaElement>('meta[name="ondemand-base"]')?.content ?? '';

export const apiUrl = `${location.origin}${basePath}`;

export async function readSettings(): Promise<PageSettings> {
  const answer = await fetch(`${basePath}/page/settings.json`);
  if (!answer.ok) throw new Error(`The API answered ${answer.status}`);
  return answer.json();
}
