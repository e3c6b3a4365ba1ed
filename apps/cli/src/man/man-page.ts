// The man page of ondemand, from the same data as its help: https://man7.org/linux/man-pages/man7/man-pages.7.html

import type { Command, Group, Options } from '../command-line/command.ts';
import { toCommandSections, toOptionRows, toUsage } from '../command-line/help.ts';
import { environment, exitStatus, formatting } from '../command-line/help-topics.ts';
import { rootOptions } from '../command-line/options.ts';
import { root } from '../commands/all-commands.ts';
import { version } from '../version.ts';

/** The whole page in man(7)'s macros. */
export async function createManPage(): Promise<string> {
  const sections = [
    `.TH ONDEMAND 1 "" "ondemand ${version}" "User Commands"`,
    '.SH NAME',
    `ondemand \\- ${toRoff(root.description.replace(/\.$/, ''))}`,
    '.SH SYNOPSIS',
    '.B ondemand',
    toRoff('COMMAND [flags]'),
    '.SH EXAMPLES',
    toExamples(root.examples),
    '.SH COMMANDS',
    ...toCommandSections(root.commands).flatMap(({ title, rows }) => [
      `.SS ${toRoff(title)}`,
      ...rows.map(([name, summary]) => toTerm(name, summary)),
    ]),
    '.SH GLOBAL FLAGS',
    ...toFlags(rootOptions),
    ...(await toCommandParts([], root)),
    '.SH OUTPUT',
    toText(formatting.description),
    ...formatting.rows.map(([term, meaning]) => toTerm(term, meaning)),
    '.SH ENVIRONMENT',
    toText(environment.description),
    ...environment.rows.map(([term, meaning]) => toTerm(term, meaning)),
    '.SH EXIT STATUS',
    toText(exitStatus.description),
    ...exitStatus.rows.map(([term, meaning]) => toTerm(term, meaning)),
    '.SH FILES',
    toTerm('~/.config/ondemand/logins.json', 'The contexts and their logins, for their user alone'),
  ];
  return `${sections.join('\n')}\n`;
}

/** A chapter for each command that does something, in the order of the help. */
async function toCommandParts(
  path: readonly string[],
  group: Group | Command,
): Promise<readonly string[]> {
  const parts: string[] = [];
  for (const { name, load } of group.commands ?? []) {
    const subject = await load();
    const words = [...path, name];
    parts.push(
      `.SH ${toRoff(`ondemand ${words.join(' ')}`.toUpperCase())}`,
      `.B ${toRoff(toUsage(words, subject))}`,
      '.PP',
      toText(subject.description),
      ...(subject.kind === 'command' ? toFlags(subject.options) : []),
      '.PP',
      toExamples(subject.examples),
      ...(await toCommandParts(words, subject)),
    );
  }
  return parts;
}

function toFlags(options: Options): string[] {
  return toOptionRows(options).map(([usage, summary]) => toTerm(usage.trim(), summary));
}

function toTerm(term: string, meaning: string): string {
  return ['.TP', `.B ${toRoff(term)}`, toRoff(meaning)].join('\n');
}

/** One paragraph: the lines of the help are as wide as a terminal. */
function toText(text: string): string {
  return text.split('\n').map(toRoff).join('\n');
}

function toExamples(examples: readonly string[]): string {
  return ['.EX', ...examples.map(toRoff), '.EE'].join('\n');
}

/** Hyphens stay what can be pasted into a shell, and no line begins a macro. */
function toRoff(text: string): string {
  const plain = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...');
  return plain.replace(/^[.']/, '\\&$&').replaceAll('"', '\\(dq').replaceAll("'", '\\(aq');
}
