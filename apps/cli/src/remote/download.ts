// Files out of a container: docker cp writes an archive to ssh, which is unpacked here.

import type { ChildProcess } from 'node:child_process';
import { realpath, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-fs';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { endOfSsh, passErrors, start } from './child.ts';
import { type Copy, type Place, readFirstKind, type Target, toTarget } from './copy-paths.ts';

export interface CopyRun {
  readonly copy: Copy;
  /** `ssh` with this command. */
  readonly ssh: (command: readonly string[]) => readonly [string, ...string[]];
  /** A link is followed, and what it leads to copied. */
  readonly followsLink: boolean;
  /** Owners are kept. */
  readonly keepsOwner: boolean;
}

/** Resolves with the exit code of docker cp or of ssh, which have said why on stderr. Throws `CliError` for what goes wrong here. */
export async function download(context: Context, run: CopyRun): Promise<number> {
  const { copy, ssh, followsLink, keepsOwner } = run;
  const source = `${copy.container}:${copy.remote}`;
  const argv = ssh(['docker', 'cp', ...(followsLink ? ['-L'] : []), source, '-']);
  if (copy.local === '-') {
    return endOfCopy(start(argv, { stdio: ['ignore', 'inherit', 'pipe'] }), context);
  }
  const place = await readLocal(copy.local);
  const child = start(argv, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = endOfCopy(child, context);
  ended.catch(() => {}); // awaited below
  try {
    const chunks: AsyncIterator<Buffer> = readAll(child)[Symbol.asyncIterator]();
    const head = await readHead(chunks);
    const kind = readFirstKind(head);
    if (kind === undefined) return (await ended) || exitCodes.failed;
    const base = posix.basename(posix.normalize(copy.remote));
    const target = toTarget({ path: copy.remote, kind, base }, place);
    if ((await readLocal(target.folder)).kind !== 'folder') throw noFolder(target.folder);
    await pipeline(
      () => joined(head, chunks),
      extract(target.folder, {
        map: renameTo(target),
        chown: keepsOwner,
        umask: 0,
        strict: false,
        validateSymlinks: false, // they are only made: nothing is ever written through one
      }),
    );
    return await ended;
  } catch (error) {
    child.kill();
    child.stdout?.destroy();
    const exitCode = await ended;
    if (error instanceof CliError) throw error;
    const { code } = error as NodeJS.ErrnoException; // of the file system, or none
    if (code === undefined && exitCode !== 0) return exitCode; // the archive was cut off
    throw new CliError(
      exitCodes.failed,
      `${source} cannot be written to ${copy.local}${code === undefined ? '' : ` (${code})`}; look at the owner of that folder and the space left`,
      { cause: error },
    );
  }
}

/** The exit code of docker cp, or `notFound` where that is why it failed: it has no code of its own for it. */
export async function endOfCopy(
  child: ChildProcess,
  context: Pick<Context, 'passSignals' | 'output'>,
): Promise<number> {
  const readErrors = passErrors(child, {
    // Newer clients name the folder that an archive was unpacked to, and its size.
    tell: (text) => context.output.tell(text.replace(/^Successfully copied .*\n/gm, '')),
  });
  const exitCode = await endOfSsh(child, context);
  return exitCode === exitCodes.failed && missing.test(readErrors())
    ? exitCodes.notFound
    : exitCode;
}

/** As docker's clients and engines from 20.10 to 29 say it. */
const missing = /No such container|Could not find the file|must be a directory/i;

function readAll({ stdout }: ChildProcess): Readable {
  if (stdout === null) throw new Error('ssh was started without a pipe for its output');
  return stdout;
}

async function readLocal(path: string): Promise<Place> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined || status.isDirectory()) return { path, kind: status && 'folder' };
  return { path: await realpath(path), kind: 'file' }; // a link stays one
}

/** As much as it takes to tell what the first entry is. */
async function readHead(chunks: AsyncIterator<Buffer>): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (readFirstKind(head) === undefined && head.length < maxHeadBytes) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return head;
}

const maxHeadBytes = 1024 * 1024;

async function* joined(head: Buffer, rest: AsyncIterator<Buffer>) {
  yield head;
  for (;;) {
    const { done, value } = await rest.next();
    if (done) return;
    yield value;
  }
}

/** The first entry is what is copied itself; all others are below it. */
function renameTo({ name }: Target) {
  let root: string | undefined;
  const rename = (path: string): string => {
    const clean = posix.normalize(`/${path}`).replace(/\/$/, '');
    root ??= clean;
    const below = clean.startsWith(`${root}/`) || clean === root ? clean.slice(root.length) : clean;
    return join('.', name, below);
  };
  return <Header extends { name: string; type?: string; linkname?: string | null }>(
    header: Header,
  ): Header => {
    header.name = rename(header.name);
    if (header.type === 'link' && header.linkname) header.linkname = rename(header.linkname);
    return header;
  };
}

function noFolder(path: string): CliError {
  return new CliError(exitCodes.failed, `There is no folder ${path} to copy into; make it first`);
}
