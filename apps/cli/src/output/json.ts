// The format of all JSON that the CLI prints.

/** One document and a newline: indented for a person at a terminal, one line for a program. */
export function toJson(value: unknown, { indent }: { readonly indent: boolean }): string {
  return `${JSON.stringify(value, null, indent ? 2 : 0)}\n`;
}
