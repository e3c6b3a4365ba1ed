// Documents what `variables.ts` defines: for --help and, as a table, for docs/configuration.md.

import { z } from 'zod';
import { environmentSchema, isSecret } from './variables.ts';

export interface VariableHelp {
  readonly name: string;
  readonly isRequired: boolean;
  /** As one would write it; undefined when there is none. */
  readonly defaultText: string | undefined;
  readonly description: string;
}

export function listVariables(): VariableHelp[] {
  return Object.entries(environmentSchema.shape).map(([name, schema]) => {
    const hasDefault = schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
    return {
      name,
      isRequired: !hasDefault && !(schema instanceof z.ZodOptional),
      defaultText: hasDefault ? toDefaultText(schema.def.defaultValue) : undefined,
      description: toDescription(name, schema.description),
    };
  });
}

/** An env file with every variable and what it is for; the required ones are to be filled in. */
export function toEnvFile(variables: readonly VariableHelp[]): string {
  const blocks = variables.map(({ name, isRequired, defaultText = '', description }) => {
    const note = isRequired ? ' (required)' : '';
    return `# ${description.replaceAll('`', '')}${note}\n${isRequired ? '' : '#'}${name}=${defaultText}\n`;
  });
  return [
    '# For `ondemand-server --env-file FILE`; keep it readable for yourself alone (chmod 600).\n',
    ...blocks,
  ].join('\n');
}

/** A Markdown table, for a page in docs/. */
export function toMarkdownTable(variables: readonly VariableHelp[]): string {
  const rows = variables.map(({ name, isRequired, defaultText, description }) => {
    const value = isRequired ? 'required' : defaultText === undefined ? '' : `\`${defaultText}\``;
    return `| \`${name}\` | ${value} | ${toCell(description)} |`;
  });
  return ['| variable | default | |', '| --- | --- | --- |', ...rows].join('\n');
}

function toCell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/docs\/([a-z-]+\.md)/g, '[$1]($1)');
}

/** Aligned lines for a terminal. */
export function toHelpText(variables: readonly VariableHelp[]): string {
  const width = Math.max(...variables.map(({ name }) => name.length));
  return variables
    .map(({ name, isRequired, defaultText, description }) => {
      const note = isRequired ? ' (required)' : defaultText ? ` (default ${defaultText})` : '';
      return `  ${name.padEnd(width)}  ${description.replaceAll('`', '')}${note}`;
    })
    .join('\n');
}

function toDescription(name: string, description = ''): string {
  return isSecret(name) ? `${description}; or \`${name}_FILE\`, a file that holds it` : description;
}

function toDefaultText(value: unknown): string | undefined {
  if (value === undefined || value === false) return undefined;
  if (Array.isArray(value)) return value.length > 0 ? value.join(',') : undefined;
  return String(value);
}
