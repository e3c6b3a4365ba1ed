// `Authorization` headers that let nobody in.

import * as fc from 'fast-check';
import { headerText } from './hostile.ts';

export interface OddAuthorization {
  /** With TOKEN, HEAD, PAYLOAD and SIGNATURE of one that is good. */
  readonly header: string;
  /** Which of its characters is another. */
  readonly changed?: number;
}

export const oddAuthorization: fc.Arbitrary<OddAuthorization> = fc.oneof(
  fc
    .constantFrom(
      'Bearer',
      'Bearer ',
      'Bearer TOKEN TOKEN',
      'Bearer TOKENx',
      'Bearer xTOKEN',
      'Bearer HEAD.PAYLOAD.',
      'Bearer HEAD.PAYLOAD',
      'Bearer HEAD..SIGNATURE',
      'Bearer .PAYLOAD.SIGNATURE',
      'Bearer UNSIGNED.PAYLOAD.',
      'Bearer UNSIGNED.PAYLOAD.SIGNATURE',
      'Bearer HEAD.PAYLOAD.SIGNATURE.SIGNATURE.SIGNATURE',
      'Bearer PAYLOAD.HEAD.SIGNATURE',
      'Bearer "TOKEN"',
      'Bearer,TOKEN',
      'Bearer\tTOKEN',
      'Bearer TOKEN,',
      'Bearer =TOKEN',
      'Basic YWRtaW46YWRtaW4=',
      'DPoP TOKEN',
      'TOKEN',
      'Bearer ....',
      'Bearer ..',
      'Bearer null',
      'Bearer undefined',
      `Bearer ${'a'.repeat(8000)}`,
    )
    .map((header) => ({ header })),
  fc.nat(2000).map((changed) => ({ header: 'Bearer TOKEN', changed })),
  headerText.map((text) => ({ header: `Bearer ${text}` })),
);

export function toAuthorization({ header, changed }: OddAuthorization, token: string): string {
  const [head = '', payload = '', signature = ''] = token.split('.');
  const unsigned = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
  // The last character holds bits that count for nothing.
  const at = (changed ?? 0) % (token.length - 1);
  const other = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
  return header
    .replaceAll('TOKEN', changed === undefined ? token : other)
    .replaceAll('HEAD', head)
    .replaceAll('UNSIGNED', unsigned)
    .replaceAll('PAYLOAD', payload)
    .replaceAll('SIGNATURE', signature);
}
