// Where the API is and with what token it is called.

import { CliError, usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';

export interface Settings {
  readonly url: string;
  readonly token: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** An empty variable counts as none. Throws a usage error for a bad URL, `denied` without a token; no message shows either. */
export function parseSettings(env: Environment, url: string | undefined): Settings {
  return { url: parseUrl(env, url), token: parseToken(env) };
}

const defaultUrl = 'http://127.0.0.1:5000';

function parseUrl(env: Environment, flag: string | undefined): string {
  const text = flag ?? (env.ONDEMAND_URL || defaultUrl);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (isHttp && `${url.username}${url.password}${url.search}${url.hash}` === '') return text;
  const name = flag === undefined ? 'ONDEMAND_URL' : '--url';
  throw usageError(
    `${name} needs an http or https URL without user, query and fragment, such as ${defaultUrl}`,
  );
}

function parseToken(env: Environment): string {
  const token = env.ONDEMAND_TOKEN?.trim();
  if (token) return token;
  throw new CliError(
    exitCodes.denied,
    "Not authenticated: ONDEMAND_TOKEN is not set; set it to an access token from the API's issuer",
  );
}
