// Turns the command line into one invocation, or says what is wrong with it.

import { type CliError, usageError } from '../cli-error.ts';
import { suggest } from './closest-match.ts';
import type { Arity, Command, Entry, Group, Options } from './command.ts';
import { type HelpTopic, helpTopics } from './help-topics.ts';
import { knownOption, parseValues } from './option-values.ts';
import { globalOptions, rootOptions } from './options.ts';
import { tokenize } from './tokens.ts';
import { didYouMean, seeHelp } from './usage.ts';

export interface Globals {
  readonly json: boolean;
  readonly url: string | undefined;
  readonly context: string | undefined;
}

export type Invocation =
  | { readonly kind: 'version' }
  | { readonly kind: 'topic'; readonly topic: HelpTopic }
  | { readonly kind: 'help'; readonly path: readonly string[]; readonly subject: Command | Group }
  | {
      readonly kind: 'run';
      readonly path: readonly string[];
      readonly command: Command;
      readonly globals: Globals;
      readonly options: Readonly<Record<string, unknown>>;
      readonly operands: readonly string[];
    };

/** Loads only the modules of the command that was named. Throws usage errors. */
export async function parseInvocation(root: Group, argv: readonly string[]): Promise<Invocation> {
  const topic = findTopic(argv);
  if (topic !== undefined) return { kind: 'topic', topic };
  const { path, subject, rest } = await findSubject(root, toHelpFlag(argv));
  if (subject.kind === 'group') return parseGroup(path, subject, rest);
  const { commandAt } = subject.operands ?? {};
  const tokens = tokenize(rest, { ...globalOptions, ...subject.options }, commandAt);
  if (tokens.options.some(({ name }) => name === 'help')) return { kind: 'help', path, subject };
  const values = parseValues(path, tokens.options, { ...globalOptions, ...subject.options });
  const { json, url, context, help: _, ...options } = values;
  return {
    kind: 'run',
    path,
    command: subject,
    globals: { json: json === true, url: toText(url), context: toText(context) },
    options,
    operands: checkOperands(path, subject, tokens.operands),
  };
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Walks down the tree as far as the words name commands; options on the way are kept for the command. */
export async function findSubject(
  root: Group,
  argv: readonly string[],
): Promise<{
  readonly path: readonly string[];
  readonly subject: Command | Group;
  readonly rest: readonly string[];
}> {
  const path: string[] = [];
  let subject: Command | Group = root;
  let rest = argv;
  for (;;) {
    const found = takeEntry(path, subject, rest);
    if (found === undefined) break;
    path.push(found.entry.name);
    subject = await found.entry.load();
    rest = found.rest;
  }
  return { path, subject, rest };
}

function takeEntry(
  path: readonly string[],
  subject: Command | Group,
  argv: readonly string[],
): { readonly entry: Entry; readonly rest: readonly string[] } | undefined {
  const { commands = [] } = subject;
  const isGroup = subject.kind === 'group';
  const known = isGroup ? groupOptions(path) : { ...globalOptions, ...subject.options };
  const { operands, operandAt, options } = tokenize(argv, known);
  const [name] = operands;
  if (name === undefined || operandAt === undefined) return undefined;
  const entry = commands.find((command) => command.name === name);
  if (entry === undefined && !isGroup) return undefined;
  const before = options.filter(({ index }) => index < operandAt);
  for (const { name: option, rawName } of before) knownOption(path, option, rawName, known);
  if (entry === undefined) throw unknownCommand(path, name, commands);
  return { entry, rest: [...argv.slice(0, operandAt), ...argv.slice(operandAt + 1)] };
}

function parseGroup(path: readonly string[], group: Group, argv: readonly string[]): Invocation {
  const options = groupOptions(path);
  const values = parseValues(path, tokenize(argv, options).options, options);
  if (values.help === true) return { kind: 'help', path, subject: group };
  if (values.version === true) return { kind: 'version' };
  if (path.length === 0) return { kind: 'help', path, subject: group };
  const names = group.commands.map(({ name }) => name).join(', ');
  throw usageError(`${path.join(' ')} needs one of ${names}; ${seeHelp(path)}`);
}

/** `ondemand help environment`; no command has the name of a topic. */
function findTopic([first, second]: readonly string[]): HelpTopic | undefined {
  return first === 'help' ? helpTopics.find(({ name }) => name === second) : undefined;
}

/** `ondemand help vm start` is `ondemand vm start --help`. */
function toHelpFlag(argv: readonly string[]): readonly string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv;
}

function groupOptions(path: readonly string[]): Options {
  return path.length === 0 ? rootOptions : globalOptions;
}

function unknownCommand(
  path: readonly string[],
  name: string,
  commands: readonly Entry[],
): CliError {
  const near = suggest(
    name,
    commands.map((command) => command.name),
  );
  const full = [...path, name].join(' ');
  return usageError(
    `unknown command '${full}'${didYouMean(near && [...path, near].join(' '))}; ${seeHelp(path)}`,
  );
}

function checkOperands(
  path: readonly string[],
  { operands: declared }: Command,
  given: readonly string[],
): readonly string[] {
  const arity: Arity = declared?.arity ?? 'none';
  const label = declared?.label ?? '';
  const command = path.join(' ');
  const [min, max] = operandCounts[arity];
  if (given.length < min) throw usageError(`${command} needs ${label}; ${seeHelp(path)}`);
  if (given.length > max) {
    const one = max === 1 ? 'one ' : '';
    const takes = max === 0 ? 'no arguments' : `${one}${label.replace(/^\[(.*)\]$/, '$1')}`;
    throw usageError(`${command} takes ${takes}, but got '${given[max]}'; ${seeHelp(path)}`);
  }
  const from = declared?.isOpen ? undefined : declared?.from;
  const wrong = Array.isArray(from) ? given.find((value) => !from.includes(value)) : undefined;
  if (wrong !== undefined) throw usageError(`${command} needs ${label}, not '${wrong}'`);
  return given;
}

const operandCounts: Readonly<Record<Arity, readonly [min: number, max: number]>> = {
  none: [0, 0],
  one: [1, 1],
  two: [2, 2],
  maybe: [0, 1],
  some: [1, Number.POSITIVE_INFINITY],
  any: [0, Number.POSITIVE_INFINITY],
};
