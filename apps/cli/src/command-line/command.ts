// What a command is: data that the parser, the help and the completion read, and one function that runs it.

import type { Context } from '../command-context.ts';
import type { CommandGroup } from './help-groups.ts';

/** An option that is there or not. */
export interface Flag {
  readonly kind: 'flag';
  readonly short?: string;
  readonly summary: string;
}

/** An option with a value. */
export interface Valued<T> {
  readonly kind: 'value';
  readonly short?: string;
  readonly placeholder: string;
  readonly summary: string;
  /** Given several times, its values are joined: `parse` gives a list of one. */
  readonly isList?: true;
  /** Where the completion finds its values. */
  readonly from?: OperandSource;
  /** What it is when left out. */
  readonly fallback: T;
  /** Throws a usage error that names the value at hand; the parser adds the option's name. */
  parse(text: string): T;
}

export type Option = Flag | Valued<unknown>;
export type Options = Readonly<Record<string, Option>>;

export type Values<O extends Options> = {
  readonly [K in keyof O]: NonNullable<O[K]> extends Valued<infer T> ? T : boolean;
};

/** How many operands a command takes, and what the parser then guarantees about them. */
export interface OperandTuples {
  none: readonly [];
  one: readonly [string];
  two: readonly [string, string];
  maybe: readonly [] | readonly [string];
  some: readonly [string, ...string[]];
  any: readonly string[];
}
export type Arity = keyof OperandTuples;

export interface Operands<A extends Arity> {
  readonly arity: A;
  readonly label: string;
  /** The only values there are, or where the completion finds them. */
  readonly from: readonly string[] | OperandSource;
  /** Those of the list are suggestions of the completion; others will do. */
  readonly isOpen?: boolean;
  /** From this one on all words are another command's, its options too: also without a `--` before it. */
  readonly commandAt?: number;
}

/** What the API can list, what is stored here, and files, which the shell lists. */
export type OperandSource = 'containers' | 'jobs' | 'contexts' | 'files';

export interface Input<O extends Options = Options, A extends Arity = Arity> {
  readonly options: Values<O>;
  readonly operands: OperandTuples[A];
}

export interface Command<O extends Options = Options, A extends Arity = Arity> {
  readonly kind: 'command';
  readonly description: string;
  readonly operands?: Operands<A>;
  /** Those that its first operand may name instead. */
  readonly commands?: readonly Entry[];
  readonly options: O;
  readonly examples: readonly string[];
  /** Resolves with the exit code: one of `exitCodes`, or that of a command that was run. Throws whatever failed; `main` alone prints and exits. */
  run(context: Context, input: Input<O, A>): Promise<number>;
}

/** A command that only holds others. */
export interface Group {
  readonly kind: 'group';
  readonly description: string;
  readonly commands: readonly Entry[];
  readonly examples: readonly string[];
}

/** A command in a list: enough for help, the rest is loaded when it is needed. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  /** The heading that help lists it under; undefined: the plain one. */
  readonly group?: CommandGroup;
  readonly load: () => Promise<Command | Group>;
}

/** Types `run` by the options and operands beside it; a command without operands gets an empty tuple. */
export function defineCommand<const O extends Options, A extends Arity = 'none'>(
  command: Omit<Command<O, A>, 'kind'>,
): Command {
  return { kind: 'command', ...command } as Command; // the parser hands over exactly what is declared here
}
