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

/** Never throws: unknown options come as tokens too, so that the message about them can be ours. */
export function tokenize(argv: readonly string[], options: Options): Tokens {
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(
      Object.entries(options).map(([name, option]) => [name, toParseArgsOption(option)]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const operands = tokens.filter((token) => token.kind === 'positional');
  return {
    options: tokens.filter((token) => token.kind === 'option'),
    operands: operands.map(({ value }) => value),
    operandAt: operands[0]?.index,
  };
}

function toParseArgsOption(option: Option): { type: 'boolean' | 'string'; short?: string } {
  return {
    type: option.kind === 'flag' ? 'boolean' : 'string',
    ...(option.short !== undefined && { short: option.short }),
  };
}
