// Parses the value of every option, or reports the one whose value is invalid.

import { CliError, usageError } from '../cli-error.ts';
import { suggest } from './closest-match.ts';
import type { Option, Options } from './command.ts';
import type { OptionToken } from './tokens.ts';
import { didYouMean, seeHelp } from './usage.ts';

/** Every option has its value: the last one given, or the list of all, else its fallback. */
export function parseValues(
  path: readonly string[],
  tokens: readonly OptionToken[],
  options: Options,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    values[name] = option.kind === 'flag' ? false : option.fallback;
  }
  for (const { name, rawName, value } of tokens) {
    const option = knownOption(path, name, rawName, options);
    const parsed = parseValue(rawName, value, option, path);
    const isList = option.kind === 'value' && option.isList === true;
    values[name] = isList ? [...asList(values[name]), ...asList(parsed)] : parsed;
  }
  return values;
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The option of that name; throws a usage error, with the nearest name, when there is none. */
export function knownOption(
  path: readonly string[],
  name: string,
  rawName: string,
  options: Options,
): Option {
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  if (option !== undefined) return option;
  const near = rawName.startsWith('--') ? suggest(name, Object.keys(options)) : undefined;
  throw usageError(`unknown flag ${rawName}${didYouMean(near && `--${near}`)}; ${seeHelp(path)}`);
}

/** As `parse` does; its usage error begins with what the text is for. */
export function parseFor<T>(subject: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof CliError) throw usageError(`${subject} ${error.message}`);
    throw error;
  }
}

function parseValue(
  rawName: string,
  value: string | undefined,
  option: Option,
  path: readonly string[],
): unknown {
  if (option.kind === 'flag') {
    if (value === undefined || value === 'true') return true;
    if (value === 'false') return false;
    throw usageError(`${rawName} takes no value but true or false; ${seeHelp(path)}`);
  }
  if (value === undefined)
    throw usageError(`${rawName} needs a ${option.placeholder}; ${seeHelp(path)}`);
  return parseFor(rawName, value, option.parse);
}
