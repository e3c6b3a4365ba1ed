// Explains why HOST cannot be listened on, which shows only when it is tried.

import type { Config } from './variables.ts';

/** The system's words for an address that is none, cannot be looked up, or is another machine's. */
const addressCodes: ReadonlySet<unknown> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EINVAL',
]);

/** A line that begins with the variable's name, as those of `parseConfig`; undefined when listening failed for another reason. */
export function toHostProblem(error: unknown, { HOST }: Pick<Config, 'HOST'>): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (!addressCodes.has(code)) return undefined;
  return `HOST: ${HOST} cannot be listened on (${code}); it must be an address of this machine`;
}
