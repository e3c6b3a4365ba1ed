// Help texts, generated from the commands' data.

import type { Style } from '../output/style.ts';
import type { Command, Entry, Group, Option, Options } from './command.ts';
import { commandGroups } from './help-groups.ts';
import { environment, exitStatus, type HelpTopic, helpTopics } from './help-topics.ts';
import { globalOptions, rootOptions } from './options.ts';

/** The whole help of one command or group; `path` is empty for `ondemand` itself. */
export function toHelp(path: readonly string[], subject: Command | Group, style: Style): string {
  const isRoot = path.length === 0;
  const section = (title: string, rows: readonly (readonly [string, string])[]) =>
    toSection(title, toRows(rows), style);
  return join([
    subject.description,
    toSection('USAGE', [toUsage(path, subject)], style),
    toExamples(subject.examples, style),
    ...toCommandSections(subject.commands ?? []).map(({ title, rows }) => section(title, rows)),
    subject.kind === 'group' ? '' : section('FLAGS', toOptionRows(subject.options)),
    section('GLOBAL FLAGS', toOptionRows(isRoot ? rootOptions : globalOptions)),
    ...(isRoot
      ? [
          section('ENVIRONMENT', environment.rows),
          section('EXIT CODES', exitStatus.rows),
          section('MORE HELP', [
            ['ondemand help COMMAND', 'As ondemand COMMAND --help'],
            ...helpTopics.map(({ name, summary }) => [`ondemand help ${name}`, summary] as const),
          ]),
        ]
      : []),
  ]);
}

export function toTopicHelp({ description, rows, examples }: HelpTopic, style: Style): string {
  return join([description, toRows(rows).join('\n'), toExamples(examples, style)]);
}

export function toUsage(path: readonly string[], subject: Command | Group): string {
  const words = ['ondemand', ...path];
  if (subject.kind === 'group') return [...words, 'COMMAND', '[flags]'].join(' ');
  const operands = subject.operands === undefined ? [] : [subject.operands.label];
  if (subject.operands?.commandAt !== undefined)
    return [...words, '[flags]', ...operands].join(' ');
  return [...words, ...operands, '[flags]'].join(' ');
}

export interface CommandSection {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, summary: string])[];
}

/** Under their headings, those without one last. */
export function toCommandSections(entries: readonly Entry[]): readonly CommandSection[] {
  return [...commandGroups, undefined]
    .map((group) => ({
      title: group === undefined ? 'COMMANDS' : `${group} COMMANDS`,
      rows: entries
        .filter((entry) => entry.group === group)
        .map(({ name, summary }) => [name, summary] as const),
    }))
    .filter(({ rows }) => rows.length > 0);
}

export function toOptionRows(options: Options): (readonly [string, string])[] {
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

function toExamples(examples: readonly string[], style: Style): string {
  return toSection(
    'EXAMPLES',
    examples.map((example) => `$ ${example}`),
    style,
  );
}

function toRows(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, summary]) => `${name.padEnd(width)}   ${summary}`);
}

function toSection(title: string, lines: readonly string[], style: Style): string {
  if (lines.length === 0) return '';
  return [style('bold', title), ...lines.map((line) => `  ${line}`)].join('\n');
}

function join(sections: readonly string[]): string {
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}
