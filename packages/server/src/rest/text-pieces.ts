// A long text on its way out, piece by piece, so that no further copy of it is ever whole in memory.

/** A JSON object of fields with one more, `field`, that holds the text of the pieces, none of which ends in the middle of a character. */
export function* toJsonPieces(
  json: string,
  field: string,
  pieces: Iterable<string>,
): Generator<string> {
  const fields = json.slice(0, -1);
  yield `${fields}${fields === '{' ? '' : ','}${JSON.stringify(field)}:"`;
  for (const piece of pieces) yield JSON.stringify(piece).slice(1, -1);
  yield '"}';
}
