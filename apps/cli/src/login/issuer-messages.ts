// Makes an issuer's error text safe to show: one bounded line that cannot contain a token.

/** Undefined for nothing, or for what is no text. */
export function toIssuerWords(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const line = text
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .replace(longSecret, '…');
  if (line === '') return undefined;
  const characters = [...line];
  return characters.length <= maxCharacters
    ? line
    : `${characters.slice(0, maxCharacters).join('')}…`;
}

const maxCharacters = 200;

/** What has the length and the letters of a token; addresses have slashes. */
const longSecret = /[\w.~+=-]{40,}/g;
