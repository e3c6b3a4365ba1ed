// Bounds text that a caller chose: one line, and never longer than the request.

/** At most 255 characters, as long as a container's name may be; the last is `…` where it was longer. */
export function toShortText(text: string): string {
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength - 1)}…`;
}

const maxTextLength = 255;
