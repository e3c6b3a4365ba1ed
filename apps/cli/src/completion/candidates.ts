// Completion candidates for the last word of an unfinished command line.

import type { Command, Group, OperandSource, Options, Valued } from '../command-line/command.ts';
import { globalOptions } from '../command-line/options.ts';
import { findSubject } from '../command-line/parse.ts';
import { tokenize } from '../command-line/tokens.ts';
import { isContextName } from '../login/context-name.ts';

export interface CompletionOptions {
  readonly root: Group;
  /** After `ondemand`; the last one is being typed and may be empty. */
  readonly words: readonly string[];
  readonly list: (source: OperandSource) => Promise<readonly string[]>;
}

/** Never throws: where nothing can be said, nothing is. */
export async function findCandidates(options: CompletionOptions): Promise<readonly string[]> {
  const current = options.words.at(-1) ?? '';
  try {
    const all = await findAll(options, current);
    return all.filter((candidate) => candidate.startsWith(current));
  } catch {
    return [];
  }
}

async function findAll(
  { root, words, list }: CompletionOptions,
  current: string,
): Promise<readonly string[]> {
  const { subject, rest } = await findSubject(root, words.slice(0, -1));
  const options: Options = { ...globalOptions, ...(subject.kind === 'command' && subject.options) };
  if (subject.kind === 'command' && isInCommand(subject, rest, options)) return [];
  const valued = findValued(rest.at(-1), options);
  if (valued !== undefined) return valued.from === undefined ? [] : listNames(list, valued.from);
  if (current.startsWith('-')) return Object.keys(options).map((name) => `--${name}`);
  if (subject.kind === 'group') return subject.commands.map(({ name }) => name);
  const given = tokenize(rest, options).operands;
  const commands = given.length === 0 ? (subject.commands ?? []) : [];
  return [...commands.map(({ name }) => name), ...(await findOperands(subject, { given, list }))];
}

async function findOperands(
  { operands }: Command,
  { given, list }: { given: readonly string[] } & Pick<CompletionOptions, 'list'>,
): Promise<readonly string[]> {
  if (operands === undefined) return [];
  if (operands.commandAt !== undefined && given.length >= operands.commandAt) return [];
  const takesOne = ['one', 'maybe', 'two'].includes(operands.arity); // the second of two is a new name
  if (takesOne && given.length > 0) return [];
  if (typeof operands.from !== 'string') return operands.from;
  const names = await listNames(list, operands.from);
  return names.filter((name) => !given.includes(name));
}

/** Whether the cursor is behind the first word of another command. */
function isInCommand({ operands }: Command, rest: readonly string[], options: Options): boolean {
  const { commandAt } = operands ?? {};
  return commandAt !== undefined && tokenize(rest, options, commandAt).operands.length > commandAt;
}

/** Docker's own rule for names, which covers the ids of jobs: whatever else an API answers never reaches a shell. */
const isName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

async function listNames(
  list: CompletionOptions['list'],
  source: OperandSource,
): Promise<readonly string[]> {
  const isPlain = (name: string) =>
    source === 'contexts' ? isContextName(name) : isName.test(name);
  return (await list(source)).filter(isPlain);
}

/** The option that waits for the word at the cursor as its value. */
function findValued(word: string | undefined, options: Options): Valued<unknown> | undefined {
  const found = Object.entries(options).find(
    ([name, { kind, short }]) => kind === 'value' && (word === `--${name}` || word === `-${short}`),
  );
  return found?.[1].kind === 'value' ? found[1] : undefined;
}
