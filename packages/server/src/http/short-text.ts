// Bounds what a caller chose, so that a line stays a line and an answer is never longer than its question.

/** At most 255 characters, as long as a container's name may be; the last is `…` where it was longer. */
export function toShortText(text: string): string {
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength - 1)}…`;
}

const maxTextLength = 255;
