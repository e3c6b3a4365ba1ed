// The values of a container's environment in all the forms in which they are repeated elsewhere: a health check that prints its URL must not give a password away.

import { mayBeSecret, type PublicFacts } from '../model/possible-secret.ts';

/**
 * The words that repeat a value of the environment (`NAME=value` entries) that may be a secret: the value as it is, by its lines, without quotes, percent-encoded, as JSON and base64 write it, and the password of a URL.
 * The longest first, no word twice. For `createHiding`.
 *
 * @example
 * createHiding(environmentSecrets(['PASSWORD=hunter22'])).hide('curl -u admin:hunter22'); // 'curl -u admin:***'
 */
export function environmentSecrets(
  env: readonly string[],
  facts: PublicFacts = {},
): readonly string[] {
  const words = new Set(env.flatMap((entry) => toValues(entry, facts)).flatMap(toForms));
  return [...words].sort((a, b) => b.length - a.length);
}

/** A shorter line says too little to be worth hiding. */
const minLine = 4;

function toValues(entry: string, facts: PublicFacts): string[] {
  const at = entry.indexOf('=');
  if (at === -1) return [];
  const name = entry.slice(0, at);
  const value = entry.slice(at + 1);
  const lines = value.split(/\r?\n/);
  const longLines = lines.length === 1 ? [] : lines.filter((line) => line.length >= minLine);
  const [, unquoted = ''] = /^\s*(?:"(.*)"|'(.*)')\s*$/s.exec(value)?.filter(Boolean) ?? [];
  const password = toPassword(value);
  const own = [value, unquoted, ...longLines]
    .flatMap((each) => [each, each.trim()])
    .filter((each) => mayBeSecret(name, each, facts));
  const ofUrl = [password, decoded(password)].filter((each) => mayBeSecret('PASSWORD', each));
  return [...own, ...ofUrl];
}

function toPassword(value: string): string {
  if (!value.includes('://')) return '';
  const [, password = ''] = /:\/\/[^/\s:@]{0,256}:([^/\s@]+)@/.exec(value) ?? [];
  return password;
}

function toForms(value: string): string[] {
  // What is short would in another form be a coincidence more often than a secret.
  if (value.length < minLine) return [value];
  const bytes = Buffer.from(value);
  const base64 = [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')];
  if (/^[\w.~-]+$/.test(value)) return [value, ...base64]; // which the other forms leave as it is
  const percent = percentEncoded(value);
  const strict = percent.replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return [
    value,
    percent,
    strict,
    strict.replaceAll('%20', '+'),
    percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    JSON.stringify(value).slice(1, -1),
    ...base64,
  ];
}

function percentEncoded(value: string): string {
  try {
    return encodeURIComponent(value);
  } catch {
    return value; // half a surrogate pair has no such form
  }
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
