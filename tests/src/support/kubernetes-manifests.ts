// What deploy/kubernetes holds, read as it lies there.

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export interface Manifest {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly content: Readonly<Record<string, unknown>>;
}

export const kubernetesFolder = fileURLToPath(
  new URL('../../../deploy/kubernetes/', import.meta.url),
);

/** All objects but kustomize's own. */
export async function readManifests(): Promise<Manifest[]> {
  const files = await readdir(kubernetesFolder, { recursive: true });
  const wanted = files.filter((file) => /\.yaml$/.test(file) && !/kustomization/.test(file));
  const read = wanted.sort().map(async (file) => {
    const text = await readFile(`${kubernetesFolder}${file}`, 'utf8');
    return toManifests(text).map((manifest) => ({ ...manifest, file }));
  });
  return (await Promise.all(read)).flat();
}

export function toManifests(text: string): Omit<Manifest, 'file'>[] {
  return parseAllDocuments(text).map((document) => {
    const content = document.toJS() as Manifest['content'];
    return { content, apiVersion: String(content.apiVersion), kind: String(content.kind) };
  });
}
