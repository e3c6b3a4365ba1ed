// What a context may be called, and what it is called where nobody named it.

import { usageError } from '../cli-error.ts';

/** Nothing that a shell, a path or a terminal reads as anything but text. */
export function isContextName(text: string): boolean {
  return /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.:@+-]{0,63}$/u.test(text);
}

/** Throws a usage error that names the value at hand. */
export function parseContextName(text: string): string {
  const name = text.normalize();
  if (isContextName(name)) return name;
  throw usageError(
    `needs a name of at most 64 letters, digits and . _ - : @ +, with a letter or digit first, not '${text}'`,
  );
}

/** Logins by URL, as they are stored: those without a name, or with that of another, get one made from their host. */
export function nameAll<Named extends { readonly name?: string | undefined }>(
  logins: Readonly<Record<string, Named>>,
): Record<string, Named & { readonly name: string }> {
  const taken = new Set<string>();
  const isFirst = (name: string | undefined): name is string =>
    name !== undefined && !taken.has(name) && taken.add(name) !== undefined;
  const named = Object.entries(logins).map(([url, login]) => ({
    url,
    login,
    name: isFirst(login.name) ? login.name : undefined,
  }));
  return Object.fromEntries(
    named.map(({ url, login, name = toFreeName(url, taken) }) => [url, { ...login, name }]),
  );
}

/** `ondemand.example.com`, or with `-2` where that is taken; takes it. */
export function toFreeName(url: string, taken: Set<string>): string {
  const host = new URL(url).host.replace(/[[\]]/g, '').replace(/^[:.-]+/, '');
  const base = isContextName(host) ? host : (host.match(/[\w.-]{1,60}/)?.[0] ?? 'context');
  let name = base;
  for (let count = 2; taken.has(name); count += 1) name = `${base.slice(0, 60)}-${count}`;
  taken.add(name);
  return name;
}
