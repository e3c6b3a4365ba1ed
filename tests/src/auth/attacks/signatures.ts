// Signatures that are bent, cut, or degenerate.

import { type Attack, segments, type Target } from './forgery.ts';

const withSignature =
  (alg: 'RS256' | 'ES256' | 'EdDSA', change: (signature: Buffer) => Buffer) =>
  ({ oidc }: Target) => {
    const [header, payload, signature] = segments(oidc.sign({}, { alg }));
    return `${header}.${payload}.${change(Buffer.from(signature, 'base64url')).toString('base64url')}`;
  };
const order = Buffer.from(
  'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  'hex',
);
const one = Buffer.concat([Buffer.alloc(31), Buffer.from([1])]);
const flip = (at: number) => (signature: Buffer) => {
  const copy = Buffer.from(signature);
  const index = at < 0 ? copy.length + at : at;
  copy.writeUInt8(copy.readUInt8(index) ^ 1, index);
  return copy;
};
const toDer = (raw: Buffer): Buffer => {
  const integer = (bytes: Buffer) => {
    const unsignedBytes =
      bytes.readUInt8(0) > 127 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes;
    return Buffer.concat([Buffer.from([2, unsignedBytes.length]), unsignedBytes]);
  };
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
  return Buffer.concat([Buffer.from([48, body.length]), body]);
};
export const signatures: Attack[] = [
  ...(['RS256', 'ES256', 'EdDSA'] as const).flatMap((alg): Attack[] => [
    [`${alg} signature empty`, withSignature(alg, () => Buffer.alloc(0))],
    [`${alg} signature of one byte`, withSignature(alg, () => Buffer.alloc(1))],
    [`${alg} signature all zero`, withSignature(alg, ({ length }) => Buffer.alloc(length))],
    [`${alg} signature all ones`, withSignature(alg, ({ length }) => Buffer.alloc(length, 255))],
    [
      `${alg} signature cut by a byte`,
      withSignature(alg, (signature) => signature.subarray(0, -1)),
    ],
    [
      `${alg} signature longer by a byte`,
      withSignature(alg, (signature) => Buffer.concat([signature, Buffer.alloc(1)])),
    ],
    [
      `${alg} signature after a byte`,
      withSignature(alg, (signature) => Buffer.concat([Buffer.alloc(1), signature])),
    ],
    [`${alg} signature with its first bit flipped`, withSignature(alg, flip(0))],
    [`${alg} signature with its last bit flipped`, withSignature(alg, flip(-1))],
    [
      `${alg} signature in reverse`,
      withSignature(alg, (signature) => Buffer.from(signature).reverse()),
    ],
  ]),
  ['ES256 with r = s = 0', withSignature('ES256', () => Buffer.alloc(64))],
  ['ES256 with r = s = 1', withSignature('ES256', () => Buffer.concat([one, one]))],
  ['ES256 with r = s = n', withSignature('ES256', () => Buffer.concat([order, order]))],
  [
    'ES256 with r = 0',
    withSignature('ES256', (raw) => Buffer.concat([Buffer.alloc(32), raw.subarray(32)])),
  ],
  [
    'ES256 with s = 0',
    withSignature('ES256', (raw) => Buffer.concat([raw.subarray(0, 32), Buffer.alloc(32)])),
  ],
  ['ES256 in DER', withSignature('ES256', toDer)],
  [
    'ES256 with r and s swapped',
    withSignature('ES256', (raw) => Buffer.concat([raw.subarray(32), raw.subarray(0, 32)])),
  ],
];
