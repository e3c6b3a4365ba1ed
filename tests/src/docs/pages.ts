// Reads the documents of this repository: their blocks of code, links and headings.
//
// A block of shell commands is a fence of one of three kinds; `docs.test.ts` refuses any other:
//
//   ```sh                           run line by line in front of the sandbox, by `describe-commands.ts`
//   ```sh run-by=PATH               run by that test, which needs more than the sandbox
//   ```sh not-run: REASON           not runnable here, and why
//
// Where it is run, `ondemand` is the CLI, logged in, and `ondemand-server` the server; `ondemand.env` is a file with the sandbox's
// variables, `sandbox.json` what `start --json` prints; $URL, $TOKEN and $READ_TOKEN are what `start` prints, $JOB is the id of a
// job that has ended. A command without an end (`curl -N`, `-f`, `--watch`) is interrupted after its first output. One that is to
// fail says so at its end: `# exit 6`.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

export interface Page {
  /** From the root of the repository, e.g. `docs/api.md`. */
  readonly path: string;
  readonly text: string;
  /** Without its blocks of code. */
  readonly prose: string;
  readonly blocks: readonly Block[];
}

export interface Block {
  /** `docs/api.md:17`: where it begins. */
  readonly place: string;
  /** All that stands behind the three backticks. */
  readonly info: string;
  readonly text: string;
}

/** README.md, the other documents beside it and those in docs/. */
export function readPages(): readonly Page[] {
  const list = (folder: string) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name));
  return [...list('.'), ...list('docs')].map((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return { path, text, ...split(path, text) };
  });
}

/** One command each: lines that end in a backslash, and the lines of a here document, belong together. Comments are left out. */
export function toCommands(text: string): readonly string[] {
  const commands: string[] = [];
  let open = '';
  let end: string | undefined;
  for (const line of text.split('\n')) {
    open += open === '' ? line : `\n${line}`;
    end ??= /<<-? *'?(\w+)'?/.exec(line)?.[1];
    if (end === undefined ? line.endsWith('\\') : line !== end) continue;
    if (!/^\s*(#|$)/.test(open)) commands.push(open);
    [open, end] = ['', undefined];
  }
  return open === '' ? commands : [...commands, open];
}

/** As GitHub makes them: https://docs.github.com/en/get-started/writing-on-github/getting-started-with-writing-and-formatting-on-github/basic-writing-and-formatting-syntax#section-links */
export function toAnchors({ text }: Page): ReadonlySet<string> {
  const withoutBlocks = text.replace(fences, '');
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutBlocks.matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = plain.replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-');
    let name = anchor;
    for (let count = 1; anchors.has(name); count += 1) name = `${anchor}-${count}`;
    anchors.add(name);
  }
  return anchors;
}

export interface Link {
  readonly target: string;
  /** From the root of the repository; undefined outside of it. */
  readonly path: string | undefined;
  readonly anchor: string | undefined;
}

export function toLinks({ path, prose }: Page): readonly Link[] {
  const targets = [...prose.matchAll(/\]\(<?([^()\s>]+(?:\([^()]*\))?)>?\)/g)];
  return targets.map(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return { target, path: undefined, anchor: undefined };
    const [file = '', anchor] = target.split('#');
    const inside = file === '' ? path : relative(root, join(root, dirname(path), file));
    return { target, path: inside, anchor };
  });
}

const fences = /^( *)```(.*)\n([\s\S]*?)^\1```$/gm;

function split(path: string, text: string): Pick<Page, 'prose' | 'blocks'> {
  const blocks: Block[] = [];
  const prose = text.replace(fences, (_all, indent: string, info: string, body: string, at) => {
    const line = text.slice(0, at).split('\n').length;
    const unindented = body.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    blocks.push({ place: `${path}:${line}`, info: info.trim(), text: unindented });
    return '';
  });
  return { prose, blocks };
}
