// Every way we know to forge, bend or confuse a token; each must be refused as any other bad one.

import { swapped, symmetric, unsigned } from './attacks/algorithms.ts';
import { audiences, confirmation, issuers, payloads, subjects, times } from './attacks/claims.ts';
import type { Attack } from './attacks/forgery.ts';
import { brokenHeaders, headers, types } from './attacks/headers.ts';
import { bentKeyIds, foreignKeys, keyIds } from './attacks/keys.ts';
import { forms, opaque } from './attacks/malformed-tokens.ts';
import { signatures } from './attacks/signatures.ts';

export const attacks: readonly Attack[] = [
  ...unsigned,
  ...symmetric,
  ...swapped,
  ...foreignKeys,
  ...keyIds,
  ...bentKeyIds,
  ...audiences,
  ...issuers,
  ...types,
  ...times,
  ...subjects,
  ...confirmation,
  ...headers,
  ...brokenHeaders,
  ...payloads,
  ...signatures,
  ...forms,
  ...opaque,
];
