// Help texts, generated from the commands' data.

import { exitCodeMeanings, exitCodes } from '../exit-codes.ts';
import type { Style } from '../output/style.ts';
import type { Command, Group, Option, Options } from './command.ts';
import { globalOptions, rootOptions } from './options.ts';

/** The whole help of one command or group; `path` is empty for `ondemand` itself. */
export function toHelp(path: readonly string[], subject: Command | Group, style: Style): string {
  const sections = [
    subject.description,
    toSection('USAGE', [toUsage(path, subject)], style),
    toSection(
      'COMMANDS',
      toRows((subject.commands ?? []).map(({ name, summary }) => [name, summary])),
      style,
    ),
    subject.kind === 'group'
      ? ''
      : toSection('FLAGS', toRows(toOptionRows(subject.options)), style),
    toSection(
      'GLOBAL FLAGS',
      toRows(toOptionRows(path.length === 0 ? rootOptions : globalOptions)),
      style,
    ),
    toSection(
      'EXAMPLES',
      subject.examples.map((example) => `$ ${example}`),
      style,
    ),
    ...(path.length === 0 ? [environment(style), exits(style)] : []),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function toUsage(path: readonly string[], subject: Command | Group): string {
  const words = ['ondemand', ...path];
  if (subject.kind === 'group') return [...words, 'COMMAND', '[flags]'].join(' ');
  const operands = subject.operands === undefined ? [] : [subject.operands.label];
  return [...words, ...operands, '[flags]'].join(' ');
}

function toOptionRows(options: Options): [string, string][] {
  return Object.entries(options).map(([name, option]) => [
    toOptionUsage(name, option),
    option.summary,
  ]);
}

function toOptionUsage(name: string, option: Option): string {
  const short = option.short === undefined ? '    ' : `-${option.short}, `;
  const value = option.kind === 'flag' ? '' : ` ${option.placeholder}`;
  return `${short}--${name}${value}`;
}

function environment(style: Style): string {
  const rows = toRows([
    [
      'ONDEMAND_CONTEXT',
      'The context to use, with its own URL and login: it wins over the next two',
    ],
    ['ONDEMAND_URL', 'Where the API is (default: the current context, or http://127.0.0.1:5000)'],
    ['ONDEMAND_TOKEN', 'The access token, instead of a login; others could read it in a flag'],
    ['XDG_CONFIG_HOME', 'Logins are kept in its folder ondemand (default: ~/.config)'],
    ['NO_COLOR, FORCE_COLOR', 'Never, or always, use colours'],
  ]);
  return toSection('ENVIRONMENT', rows, style);
}

function exits(style: Style): string {
  const rows = Object.entries(exitCodes).map(([name, code]): [string, string] => [
    String(code),
    exitCodeMeanings[name as keyof typeof exitCodes], // Object.entries forgets the keys' type
  ]);
  return toSection('EXIT CODES', toRows(rows), style);
}

function toRows(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, summary]) => `${name.padEnd(width)}   ${summary}`);
}

function toSection(title: string, lines: readonly string[], style: Style): string {
  if (lines.length === 0) return '';
  return [style('bold', title), ...lines.map((line) => `  ${line}`)].join('\n');
}
