// The stored form of contexts and their logins, validated when read, since the file may have been edited.

import { isContextName, nameAll } from './context-name.ts';

/** One context: a named API with its login. Versions before there were contexts wrote and keep the same form. */
export interface Login {
  /** What the user calls it; made from the URL's host where it was stored without one. */
  readonly name?: string | undefined;
  /** Who the user is to the VM's sshd; undefined: what `ssh` itself takes. */
  readonly sshUser?: string | undefined;
  readonly issuer: string;
  readonly clientId: string;
  /** As it was asked for. */
  readonly scope: string;
  /** Asked for by name, so it is asked for again; undefined: what the issuer gives by itself. */
  readonly audience?: Audience | undefined;
  /** Of a machine: an absolute path, or `-` when the secret came by standard input; the secret itself is never stored. */
  readonly secretFile?: string | undefined;
  /** How the issuer took the secret. */
  readonly secretMethod?: string | undefined;
  readonly accessToken: string;
  /** ISO 8601; undefined when the issuer did not say. */
  readonly expiresAt?: string | undefined;
  /** ISO 8601, when the access token came; undefined in logins that older versions stored. */
  readonly obtainedAt?: string | undefined;
  readonly refreshToken?: string | undefined;
}

export interface Audience {
  readonly value: string;
  /** Not the user's own word. */
  readonly isGuess: boolean;
  /** The API or the issuer says so, as RFC 9728 has it; any other guess is no `resource`. */
  readonly isResource?: boolean | undefined;
  /** By which parameter alone it is asked for, where the issuer did not take both. */
  readonly only?: 'audience' | 'resource' | undefined;
}

export interface StoredLogins {
  /** The URL of the current context: where the API is when nothing else says so. */
  readonly current: string | undefined;
  /** Its key, where that is not its URL; lost when an older version writes the file. */
  readonly currentKey?: string | undefined;
  /** By the URL of the API, as `toApiKey` writes it; of further logins at the same URL with a fragment, which older versions leave alone. */
  readonly logins: Readonly<Record<string, Login>>;
}

export const noLogins: StoredLogins = { current: undefined, logins: {} };

/** A login that has ended by logout: its context stays. Older versions find a token that has ended long ago. */
export function toLoggedOut({ name, sshUser, issuer, clientId, scope }: Login): Login {
  const expiresAt = new Date(0).toISOString();
  return { name, sshUser, issuer, clientId, scope, accessToken: noToken, expiresAt };
}

export function isLoggedOut({ accessToken }: Login): boolean {
  return accessToken === noToken;
}

const noToken = 'ended-by-logout';

/** The one spelling of an API's URL: host in lower case, default port and slashes at the end left out. */
export function toApiKey(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname.replace(/\/+$/, '');
}

/** How the tokens of a login can be replaced; `none`: only by logging in again. */
export function toRenewal({ secretFile, refreshToken }: Login): 'refresh' | 'secret' | 'none' {
  if (secretFile !== undefined) return secretFile === '-' ? 'none' : 'secret';
  return refreshToken === undefined ? 'none' : 'refresh';
}

/** Infinite when the issuer did not say; negative when the token has ended. */
export function toMsLeft({ expiresAt }: Login, nowMs: number): number {
  return expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt) - nowMs;
}

/** How long before its end a token counts as ending: a share of its life, so that a short one is not renewed by every call. */
export function toMarginMs({ expiresAt, obtainedAt }: Login): number {
  if (expiresAt === undefined || obtainedAt === undefined) return longestMarginMs;
  const lifeMs = Date.parse(expiresAt) - Date.parse(obtainedAt);
  return Math.min(longestMarginMs, Math.max(0, lifeMs) * marginShare);
}

const longestMarginMs = 60_000;
const marginShare = 0.2;

export function serializeLogins({ current, currentKey, logins }: StoredLogins): string {
  return `${JSON.stringify({ version: 1, current, currentKey, logins }, null, 2)}\n`;
}

/** Undefined when the text is not what `serializeLogins` writes; an error could quote a token. */
export function parseLogins(text: string): StoredLogins | undefined {
  const value = parseJson(text);
  if (!isRecord(value) || value.version !== 1 || !isRecord(value.logins)) return undefined;
  const { current, currentKey, logins } = value;
  if (!isOptionalUrl(current) || !isOptionalString(currentKey)) return undefined;
  for (const [url, login] of Object.entries(logins)) {
    if (!URL.canParse(url) || !isLogin(login)) return undefined;
  }
  return { current, currentKey, logins: nameAll(logins as Record<string, Login>) }; // each was checked
}

function isLogin(value: unknown): value is Login {
  if (!isRecord(value)) return false;
  const { issuer, clientId, scope, accessToken, expiresAt } = value;
  const { audience, secretFile, secretMethod, refreshToken, obtainedAt, name, sshUser } = value;
  return (
    [clientId, scope, accessToken].every((part) => typeof part === 'string') &&
    [secretFile, secretMethod, refreshToken, sshUser].every(isOptionalString) &&
    (name === undefined || (typeof name === 'string' && isContextName(name))) &&
    (audience === undefined || isAudience(audience)) &&
    issuer !== undefined &&
    isOptionalUrl(issuer) &&
    [expiresAt, obtainedAt].every(isOptionalTime)
  );
}

function isOptionalTime(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && Number.isFinite(Date.parse(value)));
}

function isAudience(value: unknown): value is Audience {
  return isRecord(value) && typeof value.value === 'string' && typeof value.isGuess === 'boolean';
}

function isOptionalString(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isOptionalUrl(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && URL.canParse(value));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
