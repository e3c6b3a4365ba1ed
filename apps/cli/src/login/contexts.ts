// The contexts among the stored logins: finding one, and adding, renaming and ending them. Nothing here reads or writes a file.

import { type CliError, usageError } from '../cli-error.ts';
import { suggest } from '../command-line/closest-match.ts';
import { didYouMean } from '../command-line/usage.ts';
import { toFreeName } from './context-name.ts';
import { type Login, type StoredLogins, toApiKey } from './login-file-format.ts';

export interface StoredContext {
  readonly name: string;
  /** Where its API is. */
  readonly url: string;
  /** What it is stored by; a rename leaves it. */
  readonly key: string;
  readonly login: Login;
  readonly isCurrent: boolean;
}

export function listContexts(stored: StoredLogins): readonly StoredContext[] {
  const currentKey = toCurrentKey(stored);
  return Object.entries(stored.logins).map(([key, login]) => ({
    name: login.name ?? key, // the format gives each a name
    url: toApiKey(key),
    key,
    login,
    isCurrent: key === currentKey,
  }));
}

/** Throws a usage error that says what is probably meant, or what there is. */
export function findContext(stored: StoredLogins, name: string): StoredContext {
  const all = listContexts(stored);
  const found = all.find((context) => context.name === name.normalize());
  if (found !== undefined) return found;
  throw noContext(
    name,
    all.map((context) => context.name),
  );
}

/** The context at this URL, the current one if there are several; undefined where there is none. */
export function contextAt(stored: StoredLogins, url: string): StoredContext | undefined {
  const there = listContexts(stored).filter((context) => context.url === toApiKey(url));
  return there.find(({ isCurrent }) => isCurrent) ?? there[0];
}

export function currentContext(stored: StoredLogins): StoredContext | undefined {
  return listContexts(stored).find(({ isCurrent }) => isCurrent);
}

/** `undefined`: none is current. */
export function withCurrent(
  stored: StoredLogins,
  context: StoredContext | undefined,
): StoredLogins {
  if (context === undefined) return { ...stored, current: undefined, currentKey: undefined };
  const { key, url } = context;
  return { ...stored, current: url, currentKey: key === url ? undefined : key };
}

export interface NewLogin {
  /** Undefined: that of the context at this URL, else one made from its host. */
  readonly name: string | undefined;
  readonly url: string;
  readonly login: Login;
}

/** The context of that name with the new login, made where there is none, and current; `former` is what it replaces. */
export function putLogin(
  stored: StoredLogins,
  { name: given, url, login }: NewLogin,
): { readonly stored: StoredLogins; readonly former: Login | undefined } {
  const all = listContexts(stored);
  const former =
    given === undefined ? contextAt(stored, url) : all.find(({ name }) => name === given);
  const name = given ?? former?.name ?? toFreeName(url, new Set(all.map((one) => one.name)));
  const others = without(stored, former).logins;
  const key = former?.url === toApiKey(url) ? former.key : toFreeKey(url, name, others);
  const sshUser = login.sshUser ?? former?.login.sshUser;
  const logins = { ...others, [key]: { ...login, name, sshUser } };
  const isCurrent = true;
  return {
    stored: withCurrent({ ...stored, logins }, { name, url: toApiKey(url), key, login, isCurrent }),
    former: former?.login,
  };
}

export function without(stored: StoredLogins, context: StoredContext | undefined): StoredLogins {
  if (context === undefined) return stored;
  const { [context.key]: _, ...logins } = stored.logins;
  const left = { ...stored, logins };
  return context.isCurrent ? withCurrent(left, undefined) : left;
}

export function withLogin(
  stored: StoredLogins,
  { key }: StoredContext,
  login: Login,
): StoredLogins {
  return { ...stored, logins: { ...stored.logins, [key]: login } };
}

/** An older version that writes the file forgets the key, and knows the URL alone. */
function toCurrentKey({ current, currentKey, logins }: StoredLogins): string | undefined {
  if (current === undefined) return undefined;
  const keys = Object.keys(logins).filter((key) => toApiKey(key) === toApiKey(current));
  return keys.find((key) => key === currentKey) ?? keys.find((key) => key === current) ?? keys[0];
}

/** The URL alone where that is free, as versions before there were contexts look for it. */
function toFreeKey(url: string, name: string, taken: Readonly<Record<string, unknown>>): string {
  const base = toApiKey(url);
  if (!Object.hasOwn(taken, base)) return base;
  let key = `${base}#${encodeURIComponent(name)}`;
  while (Object.hasOwn(taken, key)) key += '-2';
  return key;
}

function noContext(name: string, known: readonly string[]): CliError {
  if (known.length === 0) {
    return usageError(
      `there is no context '${name}', nor any other; ondemand login --context NAME --url URL makes one`,
    );
  }
  const near = didYouMean(suggest(name, known));
  return usageError(`there is no context '${name}'${near}; there are ${known.join(', ')}`);
}
