// A text of many megabytes on its way out, piece by piece, so that no further copy of it is ever whole in memory.

const pieceLength = 64 * 1024;

/** The text itself; no piece ends in the middle of a character. */
export function* toTextPieces(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(start + pieceLength, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    yield text.slice(start, end);
    start = end;
  }
}

/** A JSON object of fields with one more, `field`, that holds `text`. */
export function* toJsonPieces(json: string, field: string, text: string): Generator<string> {
  const fields = json.slice(0, -1);
  yield `${fields}${fields === '{' ? '' : ','}${JSON.stringify(field)}:"`;
  for (const piece of toTextPieces(text)) yield JSON.stringify(piece).slice(1, -1);
  yield '"}';
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff;
}
