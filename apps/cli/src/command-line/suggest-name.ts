// Suggests the container that was probably meant when a name is not found.

import type { Context } from '../command-context.ts';
import { startDeadline } from '../wait/deadline.ts';
import { suggest } from './closest-match.ts';
import { didYouMean } from './usage.ts';

/** Begins with a comma, or is empty: for any other failure, where no name is near, and where the names cannot be had at once. Never throws. */
export async function suggestName(
  error: unknown,
  { connect, signal }: Pick<Context, 'connect' | 'signal'>,
): Promise<string> {
  const name = readMissingName(error);
  if (name === undefined) return '';
  using deadline = startDeadline(timeoutMs, signal);
  try {
    const client = await deadline.bound(connect());
    const containers = await client.containers.list.query(undefined, { signal: deadline.signal });
    const names = containers.map((container) => container.name);
    return didYouMean(suggest(name, names));
  } catch {
    return '';
  }
}

const timeoutMs = 2_000;

function readMissingName(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'NOT_FOUND')) return undefined;
  const { details } = error as { details?: { name?: unknown } }; // as the API's errors have it
  return typeof details?.name === 'string' ? details.name : undefined;
}
