// What cp copies where, by the rules of docker cp: https://docs.docker.com/reference/cli/docker/container/cp/

import { isAbsolute, posix } from 'node:path';
import { CliError, usageError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

export interface Copy {
  readonly direction: 'download' | 'upload';
  readonly container: string;
  /** In the container; from its root. */
  readonly remote: string;
  /** On this machine; `-` is a tar archive on standard input or output. */
  readonly local: string;
}

/** Throws a usage error unless exactly one of both is in a container. */
export function parseCopy(source: string, destination: string): Copy {
  const from = parseRemote(source);
  const to = parseRemote(destination);
  if (from !== undefined && to === undefined) {
    return { direction: 'download', ...from, local: notEmpty(destination) };
  }
  if (from === undefined && to !== undefined) {
    return { direction: 'upload', ...to, local: notEmpty(source) };
  }
  throw usageError(
    from === undefined
      ? `cp needs one of both as NAME:PATH, but neither '${source}' nor '${destination}' names a container`
      : `cp copies between a container and this machine, not from one container to another: '${source}', '${destination}'`,
  );
}

/** As docker's client: what is absolute or begins with a dot is of this machine. */
function parseRemote(text: string): Pick<Copy, 'container' | 'remote'> | undefined {
  const at = text.indexOf(':');
  if (at <= 0 || isAbsolute(text) || text.startsWith('.')) return undefined;
  const [container, path] = [text.slice(0, at), text.slice(at + 1)];
  if (path === '') throw usageError(`cp needs a path in the container: ${container}:PATH`);
  if (/[\0\n]/.test(path)) throw usageError('cp takes no path with a line break in it');
  return { container, remote: path.startsWith('/') ? path : `/${path}` };
}

function notEmpty(path: string): string {
  if (path !== '') return path;
  throw usageError("cp needs a path on this machine, not ''");
}

export interface Place {
  readonly path: string;
  /** What is there; undefined where nothing is. */
  readonly kind: 'folder' | 'file' | undefined;
}

export interface Target {
  /** The folder that the entries go to, which is there. */
  readonly folder: string;
  /** Under which name what is copied goes there; '' where it is the content of a folder that goes there. */
  readonly name: string;
}

/** Where a file or folder named `base` goes. Throws `CliError` where docker cp refuses. */
export function toTarget(
  source: { readonly path: string; readonly kind: 'folder' | 'file'; readonly base: string },
  destination: Place,
): Target {
  const { path, kind } = destination;
  if (kind === 'folder') {
    return {
      folder: path,
      name: isContentOf(source.path) && source.kind === 'folder' ? '' : source.base,
    };
  }
  const trimmed = path.replace(/(?:\/\.?)+$/, '');
  const target = { folder: posix.dirname(trimmed), name: posix.basename(trimmed) };
  if (kind === 'file' && source.kind === 'folder') {
    throw new CliError(
      exitCodes.failed,
      `The folder ${source.path} cannot be copied onto ${path}, which is a file; name a folder`,
    );
  }
  if (source.kind === 'file' && trimmed !== path) {
    throw new CliError(
      exitCodes.failed,
      `There is no folder ${path} to copy ${source.path} into; make it first, or leave out what is behind its name`,
    );
  }
  return target;
}

/** `FOLDER/.` means what is in it. */
export function isContentOf(path: string): boolean {
  return path === '.' || /\/\.\/*$/.test(path);
}

/** What the first entry of an archive is, by its header; undefined where there is none. */
export function readFirstKind(archive: Buffer): 'folder' | 'file' | undefined {
  const header = findFirstHeader(archive);
  return header && (header.type === '5' ? 'folder' : 'file');
}

/** Where the first entry leads to, if it is a link. */
export function readFirstLink(archive: Buffer): string | undefined {
  const header = findFirstHeader(archive);
  return header?.type === '2' ? header.link : undefined;
}

/** Extended headers are skipped; undefined where there is no other. */
function findFirstHeader(archive: Buffer): { type: string; link: string } | undefined {
  const read = (at: number, length: number) =>
    archive.toString('utf8', at, at + length).replace(/\0.*$/s, '');
  for (let at = 0; at + blockBytes <= archive.length; ) {
    const type = archive.toString('latin1', at + 156, at + 157);
    if (!/[xgLK]/.test(type)) return { type, link: read(at + 157, 100) };
    const size = Number.parseInt(read(at + 124, 12), 8) || 0;
    at += blockBytes + Math.ceil(size / blockBytes) * blockBytes;
  }
  return undefined;
}

const blockBytes = 512;
