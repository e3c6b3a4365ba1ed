// The colours of a line of a log (ECMA-48's SGR) as pieces of text with class names; every other control sequence is left out.

export interface Piece {
  readonly text: string;
  /** Such as `bold fg1`; empty for plain text. */
  readonly style: string;
}

export function toPieces(line: string): readonly Piece[] {
  const pieces: Piece[] = [];
  const styles = new Set<string>();
  let last = 0;
  for (const match of line.matchAll(sequences)) {
    add(line.slice(last, match.index));
    last = match.index + match[0].length;
    if (match[1] !== undefined) apply(styles, match[1].split(';').map(Number));
  }
  add(line.slice(last));
  return pieces;

  function add(text: string): void {
    const visible = text.replace(controls, '');
    if (visible !== '') pieces.push({ text: visible, style: [...styles].join(' ') });
  }
}

/** The first group is that of `ESC [ … m`. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const sequences = /\x1b\[([\d;]*)m|\x1b\[[\d;?]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b./g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\x00-\x08\x0b-\x1f\x7f]/g;

function apply(styles: Set<string>, codes: readonly number[]): void {
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 38 || code === 48) {
      index += codes[index + 1] === 2 ? 4 : 2; // of 256 colours or more only the eight have a class
    } else if (code === 0) styles.clear();
    else if (code === 1) styles.add('bold');
    else if (code === 22) styles.delete('bold');
    else if (code === 39) clearColour(styles);
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) {
      clearColour(styles);
      styles.add(`fg${code % 10}`);
    }
  }
}

function clearColour(styles: Set<string>): void {
  for (const style of styles) if (style.startsWith('fg')) styles.delete(style);
}
