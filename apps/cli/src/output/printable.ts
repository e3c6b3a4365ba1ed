// Escapes untrusted text for a terminal: no name or message can move the cursor or fake a line.

/** Control, format and unpaired characters become visible escapes such as `\x1b`; the joiners that emoji are made with stay. */
export function toPrintable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) =>
    joiners.has(character) ? character : toEscape(character),
  );
}

/** The same on one line: line breaks and tabs become single spaces. */
export function toOneLine(text: string): string {
  return toPrintable(text.replace(/\s+/g, ' ').trim());
}

/** The same for text of many lines: line breaks and tabs stay. */
export function toPrintableText(text: string): string {
  return text.replace(/[^\n\t]+/g, toPrintable);
}

const joiners = new Set(['\u200c', '\u200d']);

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function toEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (code > 0xffff) return `\\u{${hex}}`;
  return (
    named[character] ?? (code > 0xff ? `\\u${hex.padStart(4, '0')}` : `\\x${hex.padStart(2, '0')}`)
  );
}
