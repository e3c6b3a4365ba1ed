// The one form in which JSON leaves the CLI.

/** One document and a newline: indented for a person at a terminal, one line for a program. */
export function toJson(value: unknown, { indent }: { readonly indent: boolean }): string {
  return `${JSON.stringify(value, null, indent ? 2 : 0)}\n`;
}
