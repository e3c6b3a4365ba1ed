// Rejects unknown query keys, for every operation, so that a misspelt one is reported.

import { badInput, unknownKey } from '../http/bad-input.ts';

/** As Fastify's default parser gives it. */
export type Query = Readonly<Record<string, string | string[]>>;

/** Throws `BAD_REQUEST` with an issue for each key that is not among the names, or is there twice. */
export function checkQuery(query: Query, names: ReadonlySet<string>): void {
  const issues = Object.entries(query).flatMap(([path, value]) => {
    if (!names.has(path)) return [unknownKey(path)];
    return Array.isArray(value) ? [{ path, message: 'is given more than once' }] : [];
  });
  if (issues.length > 0) throw badInput(issues);
}
