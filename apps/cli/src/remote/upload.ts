// Files into a container: an archive is made here and unpacked there by docker cp, both over one ssh.

import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, posix, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-fs';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { start } from './child.ts';
import { isContentOf, type Place, readFirstKind, readFirstLink, toTarget } from './copy-paths.ts';
import { type CopyRun, endOfCopy } from './download.ts';

/** Resolves with the exit code of docker cp or of ssh, which have said why on stderr. Throws `CliError` for what goes wrong here. */
export async function upload(context: Context, run: CopyRun): Promise<number> {
  const { copy, ssh, followsLink, keepsOwner } = run;
  const { container, remote, local } = copy;
  if (local === '-') {
    const argv = ssh(['docker', 'cp', '-', `${container}:${remote}`]);
    return endOfCopy(start(argv, { stdio: ['inherit', 'inherit', 'pipe'] }), context);
  }
  const source = await find(local, followsLink);
  const argv = ssh(['sh', '-c', script, 'ondemand', container]);
  const child = start(argv, { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = endOfCopy(child, context);
  ended.catch(() => {}); // awaited below
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('ssh was started without its pipes');
  try {
    const place = await findPlace(remote, { stdin, stdout });
    if (place === undefined) return (await ended) || exitCodes.failed;
    const { folder, name } = toTarget({ ...source, path: local }, place);
    stdin.write(`\n${folder}\n`);
    const isContent = name === '';
    await pipeline(
      pack(source.kind === 'folder' ? source.real : dirname(source.real), {
        entries: await toEntries(source, isContent),
        umask: 0,
        strict: false,
        map(header) {
          header.name =
            source.kind === 'folder' ? posix.join(name, header.name) : posix.join('.', name);
          // As docker's own page has it: what comes into a container belongs to its root.
          return keepsOwner ? header : Object.assign(header, { uid: 0, gid: 0 });
        },
      }),
      stdin,
    );
    return await ended;
  } catch (error) {
    stdin.destroy();
    stdout.destroy();
    const exitCode = await ended;
    if (error instanceof CliError) throw error;
    const { code = '' } = error as NodeJS.ErrnoException; // of the file system, or of the pipe to ssh
    if (/^(?:EPIPE|ECONNRESET|ERR_STREAM_.*)$/.test(code) && exitCode !== 0) return exitCode;
    throw unreadable(local, error);
  }
}

/** Of each path that is read, up to an empty one: the start of its archive in hexadecimal, then a dot. Then the folder that the archive goes to is read, and the archive. */
const script = `while IFS= read -r path && [ -n "$path" ]; do
docker cp "$1:$path" - 2>/dev/null | od -A n -v -t x1 -N 4096; echo .
done
IFS= read -r folder && exec docker cp - "$1:$folder"`;

interface Source {
  readonly kind: 'folder' | 'file';
  /** Where it is once a link is followed that is to be. */
  readonly real: string;
  readonly base: string;
  readonly isContent: boolean;
}

async function find(local: string, followsLink: boolean): Promise<Source> {
  const path = resolve(local);
  const isContent = isContentOf(local);
  try {
    // What is behind the slash is in the folder that a link leads to.
    const real = followsLink || /\/\.?$/.test(local) ? await realpath(path) : path;
    const status = followsLink ? await stat(real) : await lstat(real);
    const kind = status.isDirectory() ? 'folder' : 'file';
    return { kind, real, base: basename(path), isContent };
  } catch (error) {
    throw unreadable(local, error);
  }
}

async function toEntries({ kind, real }: Source, isContent: boolean): Promise<string[]> {
  if (kind === 'file') return [basename(real)];
  return isContent ? readdir(real) : ['.'];
}

interface Streams {
  readonly stdin: Writable;
  readonly stdout: Readable;
}

/** What is at the path, where links lead to in the container. Undefined where ssh ended before it said so. */
async function findPlace(path: string, { stdin, stdout }: Streams): Promise<Place | undefined> {
  const chunks: AsyncIterator<Buffer> = stdout[Symbol.asyncIterator]();
  let at = path;
  for (let hops = 0; hops < maxHops; hops += 1) {
    stdin.write(`${at}\n`);
    let text = '';
    while (!/^\.$/m.test(text)) {
      const { done, value } = await chunks.next();
      if (done) return undefined;
      text += String(value);
    }
    const head = Buffer.from(text.replace(/[^0-9a-f]/g, ''), 'hex');
    const link = readFirstLink(head);
    if (link === undefined) return { path: at, kind: readFirstKind(head) };
    at = posix.resolve(posix.dirname(at.replace(/\/+$/, '')), link);
  }
  throw new CliError(exitCodes.failed, `Too many links lead on from ${path} in the container`);
}

/** As many as Linux follows. */
const maxHops = 40;

function unreadable(local: string, cause: unknown): CliError {
  const { code } = cause as NodeJS.ErrnoException; // of the file system
  const why = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code ?? cause})`;
  return new CliError(exitCodes.failed, `Cannot copy ${local}: ${why}`, { cause });
}
