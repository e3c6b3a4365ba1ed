import { expect, test } from 'vitest';
import {
  type TokenRequest,
  toParameters,
  toReducedRequest,
  toResource,
  toTokens,
} from './token-request.ts';

const guess = { value: 'https://api.example.com', isGuess: true };
const given = { value: 'https://api.example.com', isGuess: false };
const tokenRequest = (change: Partial<TokenRequest>): TokenRequest => ({
  clientId: 'cli',
  scope: 'read offline_access',
  audience: guess,
  ...change,
});

test('the audience that the user gave goes by both of its names', () => {
  expect(toParameters(tokenRequest({ audience: given }))).toEqual({
    scope: 'read offline_access',
    audience: given.value,
    resource: given.value,
  });
});

test('a guess goes by the name that no issuer makes a token for another audience of', () => {
  expect(toParameters(tokenRequest({}))).toEqual({
    scope: 'read offline_access',
    audience: guess.value,
  });
});

test.each(['ondemand', 'https://api.example.com/#part'])('%s is no resource', (value) => {
  expect(toResource({ value, isGuess: false })).toEqual({});
});

test('nothing asked for is nothing sent', () => {
  expect(toParameters(tokenRequest({ scope: '', audience: undefined }))).toEqual({});
});

test.each([
  ['invalid_target', tokenRequest({}), tokenRequest({ audience: undefined })],
  ['invalid_request', tokenRequest({}), tokenRequest({ audience: undefined })],
  ['invalid_scope', tokenRequest({}), tokenRequest({ scope: 'read' })],
  [
    'invalid_scope',
    tokenRequest({ audience: given }),
    tokenRequest({ audience: given, scope: 'read' }),
  ],
  ['invalid_target', tokenRequest({ audience: given }), undefined],
  ['invalid_request', tokenRequest({ audience: given }), undefined],
  ['invalid_scope', tokenRequest({ scope: 'read' }), undefined],
  ['invalid_scope', tokenRequest({ scope: 'offline_access' }), undefined],
  ['invalid_client', tokenRequest({}), undefined],
] as const)('after %s %j is followed by %j', (code, first, next) => {
  expect(toReducedRequest(first, code)).toEqual(next);
});

test('an end of the token is counted from now, and may be unknown', () => {
  const answer = { access_token: 'a', token_type: 'bearer' as const };
  expect(toTokens({ ...answer, expires_in: 60 }, 0).expiresAt).toBe('1970-01-01T00:01:00.000Z');
  expect(toTokens(answer, 0).expiresAt).toBeUndefined();
});
