// The API's URL and the token to call it with.

import { CliError, usageError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import {
  contextAt,
  currentContext,
  findContext,
  listContexts,
  type StoredContext,
} from './login/contexts.ts';
import { isLoggedOut, noLogins, type StoredLogins } from './login/login-file-format.ts';
import type { LoginStore } from './login/login-store.ts';
import { createSessionToken, type TokenFunction } from './login/session-token.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Settings extends Target {
  /** To be asked before each call: the token of a login changes. */
  readonly token: TokenFunction;
  readonly tokenFrom: TokenOrigin;
}

/** Where a call goes. */
export interface Target {
  readonly url: string;
  /** The one whose login is for it; undefined where there is none. */
  readonly context: StoredContext | undefined;
}

/** The variable, or the command that gets another token. */
export type TokenOrigin = 'ONDEMAND_TOKEN' | `ondemand login${string}`;

/** What says where the API is. */
export interface TargetSource {
  readonly env: Environment;
  /** `--url`, which wins over all else. */
  readonly url: string | undefined;
  /** `--context`. */
  readonly context: string | undefined;
  readonly store: Pick<LoginStore, 'read'>;
}

export interface SettingsSource extends TargetSource {
  readonly store: LoginStore;
  readonly signal: AbortSignal;
  /** Told what a renewal waits for. */
  readonly onWait: (text: string) => void;
}

/** An empty variable counts as none. Throws a usage error for a bad URL or context, `denied` without a token; no message shows either. */
export async function readSettings(source: SettingsSource): Promise<Settings> {
  const { store, signal, onWait } = source;
  const target = await readTarget(source);
  const { url, context } = target;
  const given = readOwnToken(source);
  if (given !== undefined) {
    return { ...target, token: async () => given, tokenFrom: 'ONDEMAND_TOKEN' };
  }
  const command = toLoginCommand(source, target);
  if (context === undefined || isLoggedOut(context.login)) {
    const isUnsaid = context === undefined && readGivenUrl(source) === undefined;
    const names = isUnsaid ? listContexts(await store.read()).map(({ name }) => name) : [];
    if (names.length > 0) throw noneCurrent(names);
    throw context === undefined ? notLoggedIn(url, command) : loggedOut(context, command, source);
  }
  const { key, login } = context;
  return {
    ...target,
    token: createSessionToken({ url, key, login, command, store, signal, onWait }),
    tokenFrom: command,
  };
}

/** Where the API is, with or without a token for it. A context that was named is where it is, whatever the environment says. Throws a usage error. */
export async function readTarget(source: TargetSource): Promise<Target> {
  const name = readChosenContext(source);
  if (name !== undefined) {
    const context = findContext(await source.store.read(), name);
    return { url: context.url, context };
  }
  const given = readGivenUrl(source);
  const hasToken = readEnvToken(source.env) !== undefined;
  if (given !== undefined) {
    const context = hasToken ? undefined : contextAt(await source.store.read(), given);
    return { url: given, context };
  }
  const stored = await readStored(source, hasToken);
  const context = currentContext(stored);
  return { url: context?.url ?? stored.current ?? defaultUrl, context };
}

/** The context that a call is for, also where the environment has the token; undefined where there is none, or none can be read. */
export async function readContext(source: TargetSource): Promise<StoredContext | undefined> {
  const { url, context } = await readTarget(source);
  return context ?? contextAt(await readStored(source, true), url);
}

/** The name that was given for this call. Throws a usage error where a URL was given too. */
export function readChosenContext({
  context,
  url,
  env,
}: Omit<TargetSource, 'store'>): string | undefined {
  if (context !== undefined && url !== undefined) {
    throw usageError('--context and --url both say where the API is; give one of them');
  }
  return context ?? (url === undefined ? env.ONDEMAND_CONTEXT || undefined : undefined);
}

/** `--url`, else `ONDEMAND_URL`. Throws a usage error. */
export function readGivenUrl({
  env,
  url: flag,
}: Pick<TargetSource, 'url' | 'env'>): string | undefined {
  const given = flag ?? (env.ONDEMAND_URL || undefined);
  if (given === undefined) return undefined;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (isHttp && `${url.username}${url.password}${url.search}${url.hash}` === '') return given;
  const name = flag === undefined ? 'ONDEMAND_URL' : '--url';
  throw usageError(
    `${name} needs an http or https URL without user, query and fragment, such as ${defaultUrl}`,
  );
}

/** The token that wins over the login of a context that nobody named; undefined when there is none. */
export function readEnvToken(env: Environment): string | undefined {
  return env.ONDEMAND_TOKEN?.trim() || undefined;
}

/** Who is told to get another token where the settings could not be read. */
export function readTokenOrigin(source: Omit<TargetSource, 'store'>): TokenOrigin {
  const { context, url, env } = source;
  const name = context ?? (url === undefined ? env.ONDEMAND_CONTEXT : undefined);
  if (name) return `ondemand login --context ${name}`;
  return readEnvToken(env) === undefined ? 'ondemand login' : 'ONDEMAND_TOKEN';
}

export const defaultUrl = 'http://127.0.0.1:5000';

/** The token of the environment may be another API's than the context that was named. */
function readOwnToken(source: Omit<TargetSource, 'store'>): string | undefined {
  return readChosenContext(source) === undefined ? readEnvToken(source.env) : undefined;
}

/** Who brings a token needs no logins, so theirs may be unreadable. */
async function readStored(
  { store }: TargetSource,
  mayBeUnreadable: boolean,
): Promise<StoredLogins> {
  try {
    return await store.read();
  } catch (error) {
    if (!mayBeUnreadable) throw error;
    return noLogins;
  }
}

/** What gets a login for this target, typed as the user typed this command. */
function toLoginCommand(
  { url: flag }: TargetSource,
  { context, url }: Target,
): `ondemand login${string}` {
  if (context !== undefined) {
    return context.isCurrent ? 'ondemand login' : `ondemand login --context ${context.name}`;
  }
  return flag === undefined ? 'ondemand login' : `ondemand login --url ${url}`;
}

function noneCurrent(names: readonly string[]): CliError {
  return new CliError(
    exitCodes.denied,
    `Not authenticated: no context is current; ondemand context use picks one of ${names.join(', ')}`,
  );
}

function notLoggedIn(url: string, command: string): CliError {
  return new CliError(
    exitCodes.denied,
    `Not authenticated: there is no login for ${url} and ONDEMAND_TOKEN is not set; run ${command}`,
  );
}

function loggedOut({ name, url }: StoredContext, command: string, { env }: TargetSource): CliError {
  const isSet = readEnvToken(env) !== undefined;
  const unsent = isSet ? ', and ONDEMAND_TOKEN is not sent to a context that was named' : '';
  return new CliError(
    exitCodes.denied,
    `Not authenticated: the context ${name} (${url}) is logged out${unsent}; run ${command}`,
  );
}
