// Splits a command line into options and operands; their meaning is decided elsewhere.

import { parseArgs } from 'node:util';
import type { Option, Options } from './command.ts';

export interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly index: number;
}

export interface Tokens {
  readonly options: readonly OptionToken[];
  readonly operands: readonly string[];
  /** Where in the arguments the first operand stands. */
  readonly operandAt: number | undefined;
}

/** Never throws: unknown options come as tokens too, so that the message about them can be ours. From the operand `commandAt` on all words are operands. */
export function tokenize(
  argv: readonly string[],
  options: Options,
  commandAt = Number.POSITIVE_INFINITY,
): Tokens {
  const tokens = split(argv, options);
  const at = tokens.filter(isOperand)[commandAt]?.index;
  const own = at === undefined ? tokens : split(argv.slice(0, at), options);
  const operands = own.filter(isOperand);
  const command = at === undefined ? [] : argv.slice(at);
  return {
    options: own.filter((token) => token.kind === 'option'),
    operands: [...operands.map(({ value }) => value), ...command],
    operandAt: operands[0]?.index ?? at,
  };
}

function split(argv: readonly string[], options: Options): readonly Token[] {
  const { tokens } = parseArgs({
    args: argv.map((word) => toLongForm(word, options)),
    options: Object.fromEntries(
      Object.entries(options).map(([name, option]) => [name, toParseArgsOption(option)]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  // What turned out to be no option of its own stays as it was typed.
  return tokens.map((token): Token => {
    if (token.kind === 'positional') return { ...token, value: argv[token.index] ?? '' };
    if (token.kind === 'option' && token.inlineValue === false)
      return { ...token, value: argv[token.index + 1] ?? '' };
    return token;
  });
}

/** `-n=20` and `-f=false`, as docker, kubectl and gh read them, which `parseArgs` does not. */
function toLongForm(word: string, options: Options): string {
  const [, letter, value] = /^-([^-=])=(.*)$/s.exec(word) ?? [];
  const found = Object.entries(options).find(([, { short }]) => short === letter);
  return letter === undefined || found === undefined ? word : `--${found[0]}=${value}`;
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

function isOperand(token: Token): token is Extract<Token, { kind: 'positional' }> {
  return token.kind === 'positional';
}

function toParseArgsOption(option: Option): { type: 'boolean' | 'string'; short?: string } {
  return {
    type: option.kind === 'flag' ? 'boolean' : 'string',
    ...(option.short !== undefined && { short: option.short }),
  };
}
