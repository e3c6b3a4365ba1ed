import type { AuthorizationServer } from 'oauth4webapi';
import { expect, test } from 'vitest';
import {
  knowsResource,
  type TokenRequest,
  toOtherName,
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

test('a guess that the API or the issuer supports goes by both', () => {
  expect(toParameters(tokenRequest({ audience: { ...guess, isResource: true } }))).toMatchObject({
    audience: guess.value,
    resource: guess.value,
  });
});

const issuer = (metadata: object = {}): AuthorizationServer => ({
  issuer: 'https://auth.example.com',
  ...metadata,
});

test.each([
  [{}, false],
  [{ protected_resources: ['https://other.example.com'] }, false],
  [{ protected_resources: ['https://api.example.com'] }, true],
  [{ resource_indicators_supported: true }, true],
  [{ resource_parameter_supported: true }, true],
  [{ resource_indicators_supported: 'yes', resource_parameter_supported: false }, false],
])('%j in the discovery document suggests RFC 8707: %s', (metadata, isKnown) => {
  expect(knowsResource(issuer(metadata), guess.value)).toBe(isKnown);
});

test.each([
  ['unless told otherwise', {}, ['audience', 'resource', undefined]],
  [
    'as the discovery document suggests',
    { resource_indicators_supported: true },
    ['resource', 'audience', undefined],
  ],
])('where both names are refused one is sent, then the other: %s', (_, metadata, names) => {
  let asked: TokenRequest | undefined = tokenRequest({ audience: given });
  const only = names.map(() => {
    asked = asked && toOtherName(asked, { code: 'invalid_request' }, issuer(metadata));
    return asked?.audience?.only;
  });
  expect(only).toEqual(names);
});

test.each([
  ["Requested audience 'x' has not been whitelisted by the OAuth 2.0 Client.", undefined],
  ['The audience is not allowed for this client', undefined],
  ['The parameter audience is not allowed', 'audience'],
  ['Unknown parameter: audience', 'audience'],
])('%s is followed by %s', (says, only) => {
  const refused = { code: 'invalid_request', says };
  const next = toOtherName(tokenRequest({ audience: given }), refused, issuer());
  expect(next?.audience?.only).toBe(only);
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
  [
    'invalid_scope',
    tokenRequest({ scope: 'read wake admin offline_access' }),
    tokenRequest({ scope: 'read admin offline_access' }),
  ],
  ['invalid_scope', tokenRequest({ scope: 'read wake' }), undefined],
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
