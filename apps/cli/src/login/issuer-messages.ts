// Makes what an issuer says of a refusal fit to be shown: one bounded line that can hold no token.

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
