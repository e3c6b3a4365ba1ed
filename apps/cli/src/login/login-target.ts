// Which context a login is for, and where its API is.

import {
  defaultUrl,
  readChosenContext,
  readGivenUrl,
  readTarget,
  type TargetSource,
} from '../api-target.ts';
import { usageError } from '../cli-error.ts';
import { parseContextName } from './context-name.ts';
import { listContexts } from './contexts.ts';

export interface LoginTarget {
  /** Undefined where nobody named one: the URL says which. */
  readonly name: string | undefined;
  readonly url: string;
}

/** A context that is there is where it was, unless `--url` moves it; a new one is never put where another one is unasked. Throws a usage error. */
export async function readLoginTarget(source: TargetSource): Promise<LoginTarget> {
  const { context: flag, url, store } = source;
  const chosen = flag ?? readChosenContext({ ...source, context: undefined });
  if (chosen === undefined) return { name: undefined, url: await readUnnamed(source) };
  const name = parseContextName(chosen);
  const all = listContexts(await store.read());
  const known = url === undefined ? all.find((context) => context.name === name) : undefined;
  const given = known?.url ?? readGivenUrl(source);
  if (given !== undefined) return { name, url: given };
  if (all.length === 0) return { name, url: defaultUrl };
  const names = all.map((context) => context.name).join(', ');
  throw usageError(
    `there is no context '${name}' yet (there are ${names}); to make it, say with --url where its API is`,
  );
}

/** That of the current context; where there are others and none is current, the user says which. */
async function readUnnamed(source: TargetSource): Promise<string> {
  const { url, context } = await readTarget(source);
  if (context !== undefined || readGivenUrl(source) !== undefined) return url;
  const names = listContexts(await source.store.read()).map(({ name }) => name);
  if (names.length === 0) return url;
  throw usageError(
    `no context is current; say which with --context (${names.join(', ')}), or with --url where the API is`,
  );
}
