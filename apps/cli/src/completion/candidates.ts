// Completion candidates for the last word of an unfinished command line.

import type {
  Command,
  Entry,
  Group,
  OperandSource,
  Options,
  Valued,
} from '../command-line/command.ts';
import { helpTopics } from '../command-line/help-topics.ts';
import { globalOptions } from '../command-line/options.ts';
import { findSubject } from '../command-line/parse.ts';
import { tokenize } from '../command-line/tokens.ts';
import { isContextName } from '../login/context-name.ts';
import { toOneLine } from '../output/printable.ts';

export interface Candidate {
  readonly value: string;
  /** On one line; empty: there is nothing to say. */
  readonly description: string;
}

/** Or `files`: the shell knows them. */
export type Candidates = readonly Candidate[] | 'files';

export interface CompletionOptions {
  readonly root: Group;
  /** After `ondemand`; the last one is being typed and may be empty. */
  readonly words: readonly string[];
  readonly list: (source: Exclude<OperandSource, 'files'>) => Promise<readonly Candidate[]>;
}

/** Never throws: where nothing can be said, nothing is. */
export async function findCandidates(options: CompletionOptions): Promise<Candidates> {
  const current = options.words.at(-1) ?? '';
  try {
    const all = await findAll(options, current);
    if (all === 'files') return all;
    return all
      .filter(({ value }) => value.startsWith(current))
      .map(({ value, description }) => ({ value, description: toOneLine(description) }));
  } catch {
    return [];
  }
}

async function findAll(
  { root, words, list }: CompletionOptions,
  current: string,
): Promise<Candidates> {
  const isHelp = words[0] === 'help' && words.length > 1;
  const { path, subject, rest } = await findSubject(root, words.slice(isHelp ? 1 : 0, -1));
  if (isHelp)
    return [...toNames(subject.commands), ...(path.length === 0 ? toNames(helpTopics) : [])];
  const options: Options = { ...globalOptions, ...(subject.kind === 'command' && subject.options) };
  if (subject.kind === 'command' && isInCommand(subject, rest, options)) {
    return subject.operands?.from === 'files' ? 'files' : []; // those of this machine
  }
  const valued = findValued(rest.at(-1), current, options);
  if (valued !== undefined) return findValues(valued, list);
  if (current.startsWith('-')) {
    return Object.entries(options).map(([name, { summary }]) => toCandidate(`--${name}`, summary));
  }
  if (subject.kind === 'group')
    return [...toNames(subject.commands), ...(path.length === 0 ? [help] : [])];
  const given = tokenize(rest, options).operands;
  const commands = given.length === 0 ? toNames(subject.commands) : [];
  const operands = await findOperands(subject, { given, list });
  return operands === 'files' ? operands : [...commands, ...operands];
}

const help = toCandidate('help', 'Help about a command, or what all commands share');

function toCandidate(value: string, description = ''): Candidate {
  return { value, description };
}

function toNames(entries: readonly Pick<Entry, 'name' | 'summary'>[] = []): readonly Candidate[] {
  return entries.map(({ name, summary }) => toCandidate(name, summary));
}

async function findOperands(
  { operands }: Command,
  { given, list }: { given: readonly string[] } & Pick<CompletionOptions, 'list'>,
): Promise<Candidates> {
  if (operands === undefined) return [];
  if (operands.from === 'files') return operands.from;
  if (operands.commandAt !== undefined && given.length >= operands.commandAt) return [];
  const takesOne = ['one', 'maybe', 'two'].includes(operands.arity); // the second of two is a new name
  if (takesOne && given.length > 0) return [];
  const { from } = operands;
  if (typeof from !== 'string') return from.map((value) => toCandidate(value));
  return (await listNames(list, from)).filter(({ value }) => !given.includes(value));
}

async function findValues(
  { from, placeholder }: Valued<unknown>,
  list: CompletionOptions['list'],
): Promise<Candidates> {
  if (from === 'files' || placeholder === 'FILE') return 'files';
  return from === undefined ? [] : listNames(list, from);
}

/** Whether the cursor is behind the first word of another command. */
function isInCommand({ operands }: Command, rest: readonly string[], options: Options): boolean {
  const { commandAt } = operands ?? {};
  return commandAt !== undefined && tokenize(rest, options, commandAt).operands.length > commandAt;
}

/** Docker's own rule for names, which covers the ids of jobs, and ours for contexts: whatever else an API answers never reaches a shell. */
async function listNames(
  list: CompletionOptions['list'],
  source: Exclude<OperandSource, 'files'>,
): Promise<readonly Candidate[]> {
  const isPlain = source === 'contexts' ? isContextName : (name: string) => isName.test(name);
  return (await list(source)).filter(({ value }) => isPlain(value));
}

const isName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** The option that the word at the cursor is the value of: the word before it, or itself as in `--input=x`. */
function findValued(
  word: string | undefined,
  current: string,
  options: Options,
): Valued<unknown> | undefined {
  const [, inline] = /^--([^=]+)=/.exec(current) ?? [];
  const found = Object.entries(options).find(
    ([name, { kind, short }]) =>
      kind === 'value' && (inline === name || word === `--${name}` || word === `-${short}`),
  );
  return found?.[1].kind === 'value' ? found[1] : undefined;
}
