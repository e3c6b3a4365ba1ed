// Which reading of a container's compose labels is meant, by what the SSH user sees on the VM; or why none can be used.

import { type ComposeTarget, isInside } from './labels.ts';
import type { ProbeAnswer, SeenPath } from './probe-project-paths.ts';
import { type ComposeSource, isAbsolute, pathsOf, toShortPath } from './project-locations.ts';

export type SourceChoice = { readonly source: ComposeSource } | { readonly reason: string };

/** Everything that `chooseSource` asks the answer about, but for the roots. */
export function pathsToProbe({ workingDir, sources }: ComposeTarget): readonly string[] {
  return [workingDir, ...sources.flatMap((source) => [source.folder, ...pathsOf(source)])];
}

/** Pure. A path of a label stands in the reason only when it exists on the VM. */
export function chooseSource(
  { workingDir, sources, madeBy }: ComposeTarget,
  { user, seen }: ProbeAnswer,
  composeRoots: readonly string[],
): SourceChoice {
  const complete = sources.filter(
    (source) =>
      [workingDir, source.folder].every((folder) => seen(folder).kind === 'folder') &&
      pathsOf(source).every((path) => seen(path).kind === 'file'),
  );
  if (complete.length === 0) {
    const barred = [workingDir, ...sources.flatMap(pathsOf)].map(seen).find(isBarred);
    if (barred !== undefined) return { reason: toBarredReason(barred, user) };
    const special = sources.flatMap(pathsOf).find((path) => isSpecial(seen(path), sources.length));
    if (special !== undefined) return { reason: toSpecialReason(special) };
    const isOfCaller = madeBy === 'v1' && sources.some(hasRelative);
    return { reason: isOfCaller ? `${gone}; ${relativeHint}` : gone };
  }
  const resolve = (path: string) => {
    const found = seen(path);
    return 'resolved' in found ? found.resolved : undefined;
  };
  const resolveAll = (source: ComposeSource) => [workingDir, ...pathsOf(source)].map(resolve);
  const isAllowed = (source: ComposeSource) =>
    composeRoots.length === 0 ||
    resolveAll(source).every((path) =>
      composeRoots.map(resolve).some((root) => root && path && isInside(path, root)),
    );
  const allowed = complete.filter(isAllowed);
  const [source] = allowed;
  if (source === undefined) {
    const isKnown = complete.flatMap(resolveAll).every((path) => path !== undefined);
    return { reason: isKnown ? outside : unresolved };
  }
  const key = (each: ComposeSource) => resolveAll(each).join('\0');
  const other = allowed.find((each) => key(each) !== key(source));
  return other === undefined ? { source } : { reason: toAmbiguousReason(source, other) };
}

const gone = 'its compose folder or one of its files is no longer on the VM';
const relativeHint =
  'Compose v1 labels files relative to the folder that it was called in, which no label names: if they are still there, bring the project up once with their absolute paths (-f, --env-file)';
const outside = 'its compose folder or one of its files is outside COMPOSE_ROOTS';
const unresolved =
  'where links in the paths of its compose project lead cannot be told, which COMPOSE_ROOTS asks for; install coreutils (readlink) on the VM';

function hasRelative({ files, environmentFiles }: ComposeSource): boolean {
  return ![...files, ...environmentFiles].every(isAbsolute);
}

/** Where there are several readings, a folder is there as part of another one. */
function isSpecial({ kind }: SeenPath, readings: number): boolean {
  return kind === 'special' || (kind === 'folder' && readings === 1);
}

function toSpecialReason(path: string): string {
  return `'${toShortPath(path)}' of its compose project is no regular file (a folder, a pipe or a device); put the file back there`;
}

type BarredPath = Extract<SeenPath, { readonly at: string }>;

function isBarred(found: SeenPath): found is BarredPath {
  return 'at' in found;
}

function toBarredReason({ kind, at }: BarredPath, user: string): string {
  const name = at.split('/').filter(Boolean).at(-1) ?? '/';
  const [what, right] =
    kind === 'closed'
      ? [
          `the SSH user '${user}' may not enter the folder '${name}' on the way to its compose project`,
          'x',
        ]
      : [`the SSH user '${user}' may not read '${name}' of its compose project`, 'r'];
  return `${what}; give that user the right on the VM (setfacl -m u:${user}:${right}, or a group that both are in), or connect as the project's owner with SSH_USER`;
}

function toAmbiguousReason(one: ComposeSource, other: ComposeSource): string {
  const paths = pathsOf(one);
  const index = Math.max(
    0,
    paths.findIndex((path, at) => path !== pathsOf(other)[at]),
  );
  const [first, second] = toNames(paths[index] ?? '', pathsOf(other)[index] ?? '');
  return `its labels fit '${first}' as well as '${second}', and which of them it was made from cannot be told; bring it up once with the absolute path of its file (-f), or take away the one that is not meant`;
}

/** Both from the last folder on that they have in common. */
function toNames(one: string, other: string): readonly [string, string] {
  const [parts, others] = [one.split('/'), other.split('/')];
  const same = parts.findIndex((part, index) => part !== others[index]);
  const from = Math.max(0, same - 1);
  return [parts.slice(from).join('/'), others.slice(from).join('/')];
}
