import { expect, test } from 'vitest';
import {
  granted,
  type IssuerAnswer,
  refused,
  startStubIssuer,
} from '../testing/stub-issuer.test-support.ts';
import { askByClientCredentials } from './client-credentials.ts';
import { discover } from './find-issuer.ts';

const { signal } = new AbortController();
const tokenRequest = { clientId: 'ondemand-cli', scope: 'read', audience: undefined };

async function logIn(
  token: readonly IssuerAnswer[],
  { secret = 'secret', methods }: { secret?: string; methods?: readonly string[] } = {},
) {
  const metadata = methods && { token_endpoint_auth_methods_supported: methods };
  await using issuer = await startStubIssuer({ token, ...(metadata && { metadata }) });
  const server = await discover(issuer.issuer, signal);
  const outcome = await askByClientCredentials({ server, tokenRequest, signal, secret }).then(
    (value) => ({ value, error: undefined }),
    (error: unknown) => ({ value: undefined, error }),
  );
  const basics = issuer
    .authorizations()
    .map((text) => text && Buffer.from(text.replace('Basic ', ''), 'base64').toString());
  return { ...outcome, basics, forms: issuer.forms('/token') };
}

test.each([
  ['a-b._c~d!e*f(g)', 'a-b._c~d!e*f(g)'],
  ["it's a space & an = sign:ü", "it's a space & an = sign:ü"],
  ['50%+tax', '50%25%2Btax'],
])(
  'the secret %s goes by Basic so that issuers that decode it and others take it alike',
  async (secret, sent) => {
    const { basics, value } = await logIn([granted], { secret });
    expect(basics).toEqual([`ondemand-cli:${sent}`]);
    expect(value).toMatchObject({ secretMethod: 'client_secret_basic' });
  },
);

const both = ['client_secret_basic', 'client_secret_post'];

test.each([
  ['client_secret_post alone', ['client_secret_post'], [granted], 'client_secret_post'],
  ['both', both, [granted], 'client_secret_basic'],
  [
    'both, and has the client for the second',
    both,
    [refused('invalid_client', 401), granted],
    'client_secret_post',
  ],
  [
    'both, and has the client for the second, and says 403 without a body',
    both,
    [{ status: 403, text: '' }, granted],
    'client_secret_post',
  ],
] as const)(
  'the secret goes as the discovery document says: %s',
  async (_what, methods, token, name) => {
    const { value, forms, error } = await logIn(token, { methods });
    expect(error).toBeUndefined();
    expect(value).toMatchObject({ secretMethod: name });
    const isPost = name === 'client_secret_post';
    expect(forms.at(-1)?.client_secret).toBe(isPost ? 'secret' : undefined);
  },
);

test('where the document does not say, Basic comes first and the form after it', async () => {
  const { value, forms } = await logIn([refused('invalid_client', 401), granted]);
  expect(value).toMatchObject({ secretMethod: 'client_secret_post' });
  expect(forms.map(({ client_secret }) => client_secret)).toEqual([undefined, 'secret']);
});

test.each([
  [both, 'client_secret_basic or client_secret_post'],
  [['client_secret_post'], 'client_secret_post'],
])(
  'a client that is refused is told with the methods that were tried: %j',
  async (methods, names) => {
    const { error } = await logIn([refused('invalid_client', 401)], { methods });
    expect(error).toMatchObject({
      exitCode: 3,
      message: expect.stringContaining(`not with this secret sent by ${names}; see --client-id`),
    });
  },
);

test('an ID token in the answer is nothing that a login could fail for', async () => {
  const id_token = 'none.of.ours';
  const body = { ...(granted.body as object), id_token };
  expect((await logIn([{ body }])).value?.tokens).toMatchObject({ accessToken: 'access' });
});

test('a refusal with status 200 is a refusal', async () => {
  const { error } = await logIn([refused('unauthorized_client', 200)]);
  expect(error).toMatchObject({
    exitCode: 3,
    message: expect.stringContaining("does not let the client 'ondemand-cli' log in this way"),
  });
});

test('a method that the issuer took before is the first', async () => {
  const metadata = { token_endpoint_auth_methods_supported: both };
  await using issuer = await startStubIssuer({ token: [granted], metadata });
  const server = await discover(issuer.issuer, signal);
  const secretMethod = 'client_secret_post';
  await askByClientCredentials({ server, tokenRequest, signal, secret: 's', secretMethod });
  expect(issuer.authorizations()).toEqual([undefined]);
});

const challenge = { 'www-authenticate': 'Basic realm="issuer"' };

test.each<[string, IssuerAnswer, string]>([
  [
    '401, empty',
    { status: 401, text: '' },
    "refused (HTTP 401) when asked to log in; check that the client 'ondemand-cli'",
  ],
  ['403, empty', { status: 403, text: '' }, 'refused (HTTP 403)'],
  ['403, a web page', { status: 403, text: '<h1>Forbidden</h1>' }, 'refused (HTTP 403)'],
  ['401, a challenge', { status: 401, text: '', headers: challenge }, 'refused (HTTP 401)'],
  [
    'a challenge and a body',
    { ...refused('invalid_scope', 401), headers: challenge },
    "does not give the client 'ondemand-cli' the scopes 'read'",
  ],
])('a refusal is told as one: %s', async (_what, answer, message) => {
  const { error } = await logIn([answer]);
  expect(error).toMatchObject({ exitCode: 3, message: expect.stringContaining(message) });
});

test.each<[string, IssuerAnswer, string]>([
  ['500', { status: 500, text: '' }, 'HTTP 500'],
  ['502, a web page', { status: 502, text: '<p>Bad gateway</p>' }, 'HTTP 502'],
  ['429', { status: 429, text: '', headers: { 'retry-after': '30' } }, 'try again in 30 s'],
  ['no answer', { cut: true }, 'does not answer as one'],
])('an unavailable issuer is reported as such: %s', async (_what, answer, message) => {
  const { error } = await logIn([answer]);
  expect(error).toMatchObject({ exitCode: 6, message: expect.stringContaining(message) });
});
