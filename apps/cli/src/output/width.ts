// How wide a terminal shows a text, and as much of it as fits.

import measure from 'fast-string-truncated-width';

/** In columns; colours take none. */
export function widthOf(text: string): number {
  return isPlain(text) ? text.length : measure(text).width;
}

/** ASCII, as nearly all text is: a column for each character. */
function isPlain(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

/** At most so many columns; colours are kept, and ended where they would run on. */
export function cutToWidth(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line;
  let cut = '';
  let left = columns;
  for (const [, colour, text = ''] of line.matchAll(colourOrText)) {
    if (colour !== undefined) {
      cut += colour;
      continue;
    }
    for (const { segment } of new Intl.Segmenter().segment(text)) {
      left -= widthOf(segment);
      if (left < 0) return line.includes(esc) ? `${cut}${esc}[0m` : cut;
      cut += segment;
    }
  }
  return cut;
}

const esc = '\u001b';
const colourOrText = new RegExp(`(${esc}\\[[\\d;]*m)|([^${esc}]+)`, 'g');
