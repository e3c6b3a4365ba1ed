// What form of an answer a caller asked for: https://www.rfc-editor.org/rfc/rfc9110.html#section-12.5.1

/** True for whoever takes bare text and does not name the usual form too. */
export function prefersText(accept = '', usual: string): boolean {
  const types = accept.split(',').map((part) => part.split(';', 1)[0]?.trim().toLowerCase());
  return types.includes('text/plain') && !types.includes(usual);
}
