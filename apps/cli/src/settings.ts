// The API's URL and the token to call it with.

import { CliError, usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import { toApiKey } from './login/login-file-format.ts';
import type { LoginStore } from './login/login-store.ts';
import { createSessionToken, type TokenFunction } from './login/session-token.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Settings {
  readonly url: string;
  /** To be asked before each call: the token of a login changes. */
  readonly token: TokenFunction;
  readonly tokenFrom: TokenOrigin;
}

export type TokenOrigin = 'ONDEMAND_TOKEN' | 'ondemand login';

export interface SettingsSource {
  readonly env: Environment;
  /** `--url`, which wins over all else. */
  readonly url: string | undefined;
  readonly store: LoginStore;
  readonly signal: AbortSignal;
  /** Told what a renewal waits for. */
  readonly onWait: (text: string) => void;
}

/** An empty variable counts as none. Throws a usage error for a bad URL, `denied` without a token; no message shows either. */
export async function readSettings(source: SettingsSource): Promise<Settings> {
  const url = await readUrl(source);
  const given = readEnvToken(source.env);
  if (given !== undefined) {
    return { url, token: async () => given, tokenFrom: 'ONDEMAND_TOKEN' };
  }
  const { store, signal, onWait } = source;
  const login = (await store.read()).logins[toApiKey(url)];
  if (login === undefined) throw notLoggedIn(source, url);
  return {
    url,
    token: createSessionToken({ url, login, store, signal, onWait }),
    tokenFrom: 'ondemand login',
  };
}

/** Where the API is, with or without a token for it. Throws a usage error. */
export async function readUrl({ env, url: flag, store }: SettingsSource): Promise<string> {
  const given = flag ?? (env.ONDEMAND_URL || undefined);
  if (given === undefined) {
    return (await readCurrent(store, env)) ?? defaultUrl;
  }
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (isHttp && `${url.username}${url.password}${url.search}${url.hash}` === '') return given;
  const name = flag === undefined ? 'ONDEMAND_URL' : '--url';
  throw usageError(
    `${name} needs an http or https URL without user, query and fragment, such as ${defaultUrl}`,
  );
}

/** The token that wins over every login; undefined when there is none. */
export function readEnvToken(env: Environment): string | undefined {
  return env.ONDEMAND_TOKEN?.trim() || undefined;
}

export function readTokenOrigin(env: Environment): TokenOrigin {
  return readEnvToken(env) === undefined ? 'ondemand login' : 'ONDEMAND_TOKEN';
}

const defaultUrl = 'http://127.0.0.1:5000';

/** Who brings a token needs no logins, so theirs may be unreadable. */
async function readCurrent(store: LoginStore, env: Environment): Promise<string | undefined> {
  try {
    return (await store.read()).current;
  } catch (error) {
    if (readEnvToken(env) === undefined) throw error;
    return undefined;
  }
}

function notLoggedIn({ url: flag }: SettingsSource, url: string): CliError {
  const command = flag === undefined ? 'ondemand login' : `ondemand login --url ${url}`;
  return new CliError(
    exitCodes.denied,
    `Not authenticated: there is no login for ${url} and ONDEMAND_TOKEN is not set; run ${command}`,
  );
}
