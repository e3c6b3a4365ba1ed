// The files of the built page, read once.

import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

export interface PageFiles {
  /** Its HTML, with `/__BASE__` where the path it is served below belongs, and `__SETTINGS__` where its settings do. */
  readonly index: string;
  /** By name. */
  readonly assets: ReadonlyMap<string, PageFile>;
}

export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
  /** The same, compressed. */
  readonly gzipped: Buffer;
  /** Its name changes with its content. */
  readonly isHashed: boolean;
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** Of the first of the folders that is there; undefined where none is. */
export async function readPageFiles(folders: readonly string[]): Promise<PageFiles | undefined> {
  for (const folder of folders) {
    const index = await readFile(join(folder, 'index.html'), 'utf8').catch(() => undefined);
    if (index !== undefined) return { index, assets: await readAssets(join(folder, 'page')) };
  }
  return undefined;
}

async function readAssets(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const names = (await readdir(folder)).filter((name) => extname(name) in types);
  const read = async (name: string): Promise<[string, PageFile]> => {
    const bytes = await readFile(join(folder, name));
    const type = types[extname(name)] ?? '';
    const isHashed = /-[\w-]{8}\.\w+$/.test(name);
    return [name, { type, bytes, gzipped: await promisify(gzip)(bytes), isHashed }];
  };
  return new Map(await Promise.all(names.map(read)));
}
