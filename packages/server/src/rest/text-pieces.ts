// Sends a long text piece by piece, so that memory never holds a second whole copy.

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
