// Where a container's compose project may lie, by its labels: which files, from which folder, with which options.

/** One way to read the labels; `folder` and what is relative to it mean on the VM what they meant to the owner's command. */
export interface ComposeSource {
  /** Where compose is run, so that relative paths and `${PWD}` are the owner's; absolute. */
  readonly folder: string;
  /** As compose gets them, so that it writes the same labels again: absolute, or relative to `folder`. At least one. */
  readonly files: readonly string[];
  readonly environmentFiles: readonly string[];
}

export interface ComposePathLabels {
  /** Absolute and normal. */
  readonly workingDir: string;
  /** Lists joined by commas, which may also stand in the paths. */
  readonly configFiles: string;
  readonly environmentFiles: string;
}

/**
 * The readings of the labels, the likeliest first; which of them is meant, the VM's files decide.
 * Compose v2 writes absolute paths. v1 writes them as they were given, relative to the folder that it was called in, which no label names:
 * without `--project-directory` the working directory is that of the first file, so the caller's folder follows from both.
 */
export function listComposeSources(labels: ComposePathLabels): readonly ComposeSource[] {
  const sources = splitList(labels.configFiles).flatMap((files) =>
    splitList(labels.environmentFiles).flatMap((environmentFiles) =>
      placeFiles(labels.workingDir, { files, environmentFiles }),
    ),
  );
  const keys = sources.map((source) => pathsOf(source).join('\0'));
  return sources
    .filter((_, index) => keys.indexOf(keys[index] ?? '') === index)
    .slice(0, maxSources);
}

/** The absolute paths of its files, those of the environment last; not normal, as only the VM knows what `..` after a link is. */
export function pathsOf({ folder, files, environmentFiles }: ComposeSource): readonly string[] {
  return [...files, ...environmentFiles].map((path) =>
    isAbsolute(path) ? path : `${folder === '/' ? '' : folder}/${path}`,
  );
}

export function isAbsolute(path: string): boolean {
  return path.startsWith('/');
}

/** For messages, which hold no path of the VM from its root on: a file by its last folder. */
export function toShortPath(path: string): string {
  return isAbsolute(path) ? path.split('/').filter(Boolean).slice(-2).join('/') : path;
}

const maxSources = 32;
const maxCommasInNames = 6;

type Files = Omit<ComposeSource, 'folder'>;

function placeFiles(workingDir: string, listed: Files): readonly ComposeSource[] {
  const atWorkingDir = { folder: workingDir, ...listed };
  const { files, environmentFiles } = listed;
  const [first = ''] = files;
  if (isAbsolute(first)) return [atWorkingDir];

  const { ups, folders } = toSteps(first);
  const above = withoutEnd(workingDir, folders.slice(0, -1));
  if (above === undefined) {
    // The first file is not of the working directory, so `--project-directory` was given: from there or from above.
    return [workingDir, ...ancestorsOf(workingDir)].map((folder) => ({ ...atWorkingDir, folder }));
  }
  if (ups === 0) {
    if (above === workingDir) return [atWorkingDir];
    return [{ folder: above, ...listed }, atWorkingDir];
  }
  // Called in some folder below `above`: what is relative to that one itself cannot be found.
  const fromAbove = (path: string) => moveUp(path, { from: above, ups, to: workingDir });
  const moved = { files: files.map(fromAbove), environmentFiles: environmentFiles.map(fromAbove) };
  const known = [...moved.files, ...moved.environmentFiles].every((path) => path !== undefined);
  if (!known) return [atWorkingDir];
  // From this folder on the way to the file, all that was given leads where it did from the caller's.
  const beside = folders.length > ups ? withParts(above, folders.slice(0, ups)) : undefined;
  // `every` has just shown that none is undefined.
  const likeliest =
    beside === undefined ? { ...atWorkingDir, ...(moved as Files) } : { ...listed, folder: beside };
  return [likeliest, atWorkingDir];
}

/** The leading `..` of a relative path, and what follows. */
function toSteps(path: string): { readonly ups: number; readonly folders: readonly string[] } {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  const ups = parts.findIndex((part) => part !== '..');
  return ups === -1 ? { ups: parts.length, folders: [] } : { ups, folders: parts.slice(ups) };
}

/** `/a/b/c` without `b`, `c` is `/a`; `undefined` where it does not end so. */
function withoutEnd(path: string, end: readonly string[]): string | undefined {
  const parts = path.split('/').slice(1).filter(Boolean);
  const at = parts.length - end.length;
  if (at < 0 || !end.every((part, index) => parts[at + index] === part)) return undefined;
  return `/${parts.slice(0, at).join('/')}`;
}

function withParts(path: string, more: readonly string[]): string {
  return `/${[...path.split('/').filter(Boolean), ...more].join('/')}`;
}

function ancestorsOf(path: string): readonly string[] {
  const parts = path.split('/').filter(Boolean);
  return parts.map((_, index) => `/${parts.slice(0, parts.length - 1 - index).join('/')}`);
}

/** A path relative to a folder `ups` levels below `from`, as one that `to` knows: relative inside it, else absolute. */
function moveUp(
  path: string,
  { from, ups, to }: { readonly from: string; readonly ups: number; readonly to: string },
): string | undefined {
  if (isAbsolute(path)) return path;
  const steps = toSteps(path);
  if (steps.ups < ups) return undefined;
  const parts = from.split('/').filter(Boolean);
  const kept = parts.slice(0, Math.max(0, parts.length - (steps.ups - ups)));
  const absolute = `/${[...kept, ...steps.folders].join('/')}`;
  const inside = to === '/' ? '/' : `${to}/`;
  return absolute.startsWith(inside) ? absolute.slice(inside.length) : absolute;
}

function splitList(list: string): readonly (readonly string[])[] {
  if (list === '') return [[]];
  const parts = list.split(',');
  return parts.length > maxCommasInNames + 1 ? [parts] : waysToRead(parts);
}

/** Every way to read a list that was split at its commas, the plain one first: a comma may also stand in a name. */
function waysToRead([first = '', second, ...rest]: readonly string[]): readonly string[][] {
  if (second === undefined) return [[first]];
  return [
    ...waysToRead([second, ...rest]).map((names) => [first, ...names]),
    ...waysToRead([`${first},${second}`, ...rest]),
  ];
}
