// Compose files as they lie on the VM's disk, read and merged into the services of one project.

import { access, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { CommandFailure } from '../commands/failure.ts';
import type { ComposeArguments } from './arguments.ts';
import { type Service, toService } from './service.ts';
import { interpolate, readEnvFile } from './variables.ts';
import { toFields } from './yaml-fields.ts';

export interface Project {
  readonly name: string;
  readonly directory: string;
  readonly files: readonly string[];
  /** As they were given on the command line, or found beside it: what v1 keeps in its label. */
  readonly fileNames: readonly string[];
  readonly services: ReadonlyMap<string, Service>;
  /** The merged file, interpolated, for `config`. */
  readonly source: Readonly<Record<string, unknown>>;
}

type Fields = Record<string, unknown>;

const defaultFiles = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];

/** Reads the project that the arguments mean. Throws `CommandFailure` with compose's words. */
export async function loadProject(
  given: ComposeArguments,
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<Project> {
  const searched = given.projectDirectory ?? cwd;
  const files = given.files.length > 0 ? given.files : [await findFile(searched)];
  const directory = given.projectDirectory ?? dirname(files[0] ?? searched);
  const variables = { ...(await readEnvFile(join(directory, '.env'))), ...env };
  let source: Fields = {};
  for (const file of files) source = merge(source, await readCompose(file, variables));
  const named = given.projectName ?? env.COMPOSE_PROJECT_NAME ?? source.name;
  const name = typeof named === 'string' ? named : toProjectName(basename(directory));
  const services = new Map<string, Service>();
  for (const [service, fields] of Object.entries(toFields(source.services))) {
    services.set(service, await toService(service, toFields(fields), directory));
  }
  if (services.size === 0) throw new CommandFailure('no service selected');
  const fileNames =
    given.fileNames.length > 0 ? given.fileNames : files.map((file) => basename(file));
  return { name, directory, files, fileNames, services, source };
}

async function readCompose(file: string, variables: Record<string, string>): Promise<Fields> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    throw new CommandFailure(`open ${file}: no such file or directory`);
  }
  let parsed: unknown;
  try {
    parsed = parse(text);
  } catch (error) {
    const [first = 'invalid'] = String(error instanceof Error ? error.message : error).split('\n');
    throw new CommandFailure(`yaml: ${first}`);
  }
  if (typeof parsed !== 'object' || parsed === null) {
    throw new CommandFailure('empty compose file');
  }
  return toFields(interpolate(parsed, variables));
}

async function findFile(directory: string): Promise<string> {
  for (const name of defaultFiles) {
    const path = resolve(directory, name);
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new CommandFailure('no configuration file provided: not found', 14);
}

/** Later files win; mappings merge, lists append, as compose's override files do. */
function merge(base: Fields, over: Fields): Fields {
  const merged: Fields = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const before = merged[name];
    if (isMapping(before) && isMapping(value)) merged[name] = merge(before, value);
    else if (Array.isArray(before) && Array.isArray(value) && appended.has(name)) {
      merged[name] = [...before, ...value];
    } else merged[name] = value;
  }
  return merged;
}

const appended = new Set(['ports', 'volumes', 'environment', 'labels', 'expose', 'env_file']);

function isMapping(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function toProjectName(directory: string): string {
  return (
    directory
      .toLowerCase()
      .replace(/[^a-z0-9_-]/g, '')
      .replace(/^[_-]+/, '') || 'default'
  );
}
