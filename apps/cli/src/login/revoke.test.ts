// What becomes of tokens that are given back, by what the issuer answers.

import { expect, test } from 'vitest';
import {
  type IssuerAnswer,
  refused,
  startStubIssuer,
} from '../testing/stub-issuer.test-support.ts';
import { revoke } from './revoke.ts';

async function revokeAt(answer: IssuerAnswer) {
  await using issuer = await startStubIssuer({ token: [], revoke: [answer] });
  const login = {
    issuer: issuer.issuer,
    clientId: 'ondemand-cli',
    scope: 'read',
    accessToken: 'access',
    refreshToken: 'refresh',
  };
  const outcomes = await revoke(login, new AbortController().signal);
  return { outcomes: [...new Set(outcomes.values())], forms: issuer.forms('/revoke') };
}

test.each<[string, IssuerAnswer, string]>([
  ['200', {}, 'revoked'],
  ['200, a web page', { text: '<p>Done</p>' }, 'revoked'],
  ['204', { status: 204, text: '' }, 'revoked'],
  ['400, empty', { status: 400, text: '' }, 'refused'],
  ['401, empty', { status: 401, text: '' }, 'refused'],
  ['403, a web page', { status: 403, text: '<h1>Forbidden</h1>' }, 'refused'],
  ['invalid_client', refused('invalid_client', 401), 'refused'],
  ['unsupported_token_type', refused('unsupported_token_type'), 'unsupported'],
  ['500', { status: 500, text: '' }, 'failed'],
  ['503 and its reason', refused('temporarily_unavailable', 503), 'failed'],
  ['429', { status: 429, text: '' }, 'failed'],
  ['a redirect', { status: 302, text: '', headers: { location: '/login' } }, 'failed'],
  ['no answer', { cut: true }, 'failed'],
])('%s', async (_, answer, outcome) => {
  expect((await revokeAt(answer)).outcomes).toEqual([outcome]);
});

test('the refresh token goes first, and each is named as what it is', async () => {
  const { forms } = await revokeAt({});
  expect(forms.map(({ token, token_type_hint }) => [token, token_type_hint])).toEqual([
    ['refresh', 'refresh_token'],
    ['access', 'access_token'],
  ]);
});
