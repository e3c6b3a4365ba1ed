// Dockerfiles: their instructions, what they copy, and what a RUN would do, without running anything.

import { createHash, type Hash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { CommandFailure } from '../commands/failure.ts';

export interface Instruction {
  /** In capitals, e.g. `COPY`. */
  readonly name: string;
  /** As written, continuation lines joined. */
  readonly rest: string;
}

/** One thing that a RUN does. */
export type RunStep =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'exit'; readonly exitCode: number };

/** Throws `CommandFailure` for a file without FROM and for unknown instructions. */
export function parseDockerfile(text: string): readonly Instruction[] {
  const lines = text
    .replace(/^\s*#.*$/gm, '')
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/);
  const instructions = lines.flatMap((line): Instruction[] => {
    const [, name, rest = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name: name.toUpperCase(), rest }];
  });
  const unknown = instructions.find(({ name }) => !known.has(name));
  if (unknown !== undefined) {
    throw new CommandFailure(`dockerfile parse error: unknown instruction: ${unknown.name}`);
  }
  if (!instructions.some(({ name }) => name === 'FROM')) {
    throw new CommandFailure('failed to solve: no build stage in current context');
  }
  return instructions;
}

/** What the shell would do with a RUN's command: `echo`, `sleep`, `exit`, `true` and `false` are honoured, anything else succeeds in silence. */
export function toRunSteps(command: string): readonly RunStep[] {
  const steps: RunStep[] = [];
  for (const part of command.split(/&&|;/)) {
    const [name = '', ...words] = part.trim().split(/\s+/);
    if (name === 'echo') {
      steps.push({ kind: 'print', text: words.join(' ').replace(/^(['"])(.*)\1$/, '$2') });
    } else if (name === 'sleep') {
      steps.push({ kind: 'wait', ms: Number(words[0] ?? 0) * 1_000 });
    } else if (name === 'exit' || name === 'false') {
      const exitCode = name === 'exit' ? Number(words[0] ?? 0) : 1;
      if (name === 'exit' || !command.includes(';')) {
        steps.push({ kind: 'exit', exitCode });
        break;
      }
    }
  }
  return steps;
}

/** A digest of the files that a COPY or ADD takes from the context. Throws `CommandFailure` for one that is not there. */
export async function hashCopied(rest: string, context: string): Promise<string> {
  const hash = createHash('sha256').update(rest);
  const words = rest.startsWith('[') ? parseWords(rest) : rest.split(/\s+/);
  const paths = words.filter((word) => !word.startsWith('--'));
  if (words.some((word) => word.startsWith('--from='))) return hash.digest('hex');
  for (const source of paths.slice(0, -1)) {
    if (/^https?:/.test(source)) continue;
    const path = resolve(context, source.replace(/^\/+/, ''));
    if (path !== context && !path.startsWith(context + sep)) {
      throw new CommandFailure(
        `failed to solve: forbidden path outside the build context: ${source}`,
        17,
      );
    }
    // Patterns are taken for the folder they are in: more than needed, never less.
    const plain = /[*?[]/.test(path) ? path.slice(0, path.search(/[^/]*[*?[]/)) : path;
    await hashTree(hash, plain, source);
  }
  return hash.digest('hex');
}

const known = new Set(
  'FROM RUN CMD LABEL MAINTAINER EXPOSE ENV ADD COPY ENTRYPOINT VOLUME USER WORKDIR ARG ONBUILD STOPSIGNAL HEALTHCHECK SHELL'.split(
    ' ',
  ),
);

async function hashTree(hash: Hash, path: string, source: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    const reason = `"/${source.replace(/^\.?\/+/, '')}": not found`;
    throw new CommandFailure(
      `failed to solve: failed to compute cache key: failed to calculate checksum of ref: ${reason}`,
      17,
    );
  }
  if (found.isFile()) {
    hash.update(`file ${found.mode & 0o777} ${source}\0`).update(await readFile(path));
    return;
  }
  if (!found.isDirectory()) return;
  for (const name of (await readdir(path)).sort()) {
    await hashTree(hash, join(path, name), `${source}/${name}`);
  }
}

function parseWords(json: string): readonly string[] {
  try {
    const words: unknown = JSON.parse(json);
    return Array.isArray(words) ? words.map(String) : [];
  } catch {
    throw new CommandFailure(`dockerfile parse error: invalid JSON form: ${json}`);
  }
}
