// Who may do what: every operation of the API, on both transports, with a token of every kind.

import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import type { App } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import {
  ask,
  type Call,
  challenges,
  countReached,
  startAuthApp,
  type Transport,
  transports,
} from './auth-world.ts';
import {
  obtainTokens,
  type TokenKind,
  type TokensOfEachKind,
  tokenKinds,
} from './tokens-of-each-kind.ts';

interface Operation extends Call {
  readonly id: string;
  /** One of them is enough. */
  readonly scopes: readonly string[];
  /** Server-sent events, and a subscription in tRPC. */
  readonly isStream: boolean;
}

/** Nothing is there by these names, so that an allowed call changes nothing. */
const harmless = 'no-such-thing';

/** The committed document names the tests; that the server serves the same is a test of its own. */
const documentUrl = new URL('../../../docs/openapi.json', import.meta.url);
const operations = toOperations(JSON.parse(await readFile(documentUrl, 'utf8')));

interface OpenApiOperation {
  readonly operationId?: string;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses?: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, unknown>> }>
  >;
}

function toOperations(document: {
  paths: Record<string, Record<string, OpenApiOperation>>;
}): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]): Operation[] => {
      const { operationId: id, security = [], parameters = [], responses } = operation;
      const scopes = security.flatMap((requirement) => Object.values(requirement)).flat();
      if (scopes.length === 0) return []; // public: needs no token
      if (id === undefined) throw new Error(`${method} ${path} has no operation id`);
      const inPath = parameters.filter((parameter) => parameter.in === 'path');
      return [
        {
          id,
          scopes,
          method: method.toUpperCase(),
          path: path.replaceAll(/\{\w+\}/g, harmless),
          procedure: id.replaceAll('_', '.'),
          isQuery: method === 'get',
          isStream: responses?.['200']?.content?.['text/event-stream'] !== undefined,
          ...(inPath.length > 0 && {
            input: Object.fromEntries(inPath.map(({ name }) => [name, harmless])),
          }),
        },
      ];
    }),
  );
}

/** What the scopes of each kind of token allow; undefined where the token itself is refused. */
const scopesOf: Readonly<Record<TokenKind, readonly string[] | undefined>> = {
  'no token': undefined,
  garbage: undefined,
  expired: undefined,
  'wrong audience': undefined,
  'no scope': [],
  read: ['read'],
  wake: ['wake'],
  admin: ['read', 'wake', 'admin'],
  'opaque read': ['read'],
  'opaque admin': ['read', 'wake', 'admin'],
  'revoked opaque': undefined,
  'ID token': undefined,
  'refresh token': undefined,
};

const isAllowed = ({ scopes }: Operation, kind: TokenKind) =>
  scopesOf[kind]?.some((scope) => scopes.includes(scope)) === true;
const isPower = ({ method, path }: Operation) =>
  method === 'POST' && /^\/vm\/(?!leases|wake)/.test(path);

/** What a token that may only wake is for. */
const forWaking = [
  'vm_status',
  'vm_ready',
  'vm_watchReady',
  'vm_wake',
  'vm_idle',
  'vm_takeLease',
  'vm_releaseLease',
  'whoami',
];

test('every operation needs one of the scopes, and changing needs admin, or wake where that is what it is for', () => {
  expect(operations.filter(({ isStream }) => isStream).map(({ id }) => id)).toEqual([
    'vm_watchReady',
    'containers_followLogs',
    'jobs_output',
    'events',
  ]);
  for (const { id, scopes, method } of operations) {
    expect({ id, scopes }).toEqual({
      id,
      scopes: forWaking.includes(id)
        ? method === 'GET'
          ? ['read', 'wake']
          : ['wake']
        : [expect.stringMatching(method === 'GET' ? /^(read|admin)$/ : /^admin$/)],
    });
  }
});

describe.each(['plain', 'authelia'] as const)('with an issuer of the %s flavour', (flavour) => {
  let app: App;
  let tokens: TokensOfEachKind;
  beforeAll(() =>
    openSuite(async (opened) => {
      app = opened.use(await startAuthApp({ sandbox: { oidc: { flavour } } }));
      tokens = await obtainTokens(app.sandbox.oidc);
    }),
  );

  const call = (transport: Transport, operation: Operation, kind: TokenKind) =>
    ask(app.url, {
      transport,
      call: operation,
      authorization: tokens[kind] === undefined ? undefined : `Bearer ${tokens[kind]}`,
    });

  test('the server serves the operations of the committed document', async () => {
    const served = toOperations((await (await fetch(`${app.url}/openapi.json`)).json()) as never); // checked by comparison
    expect(served).toEqual(operations);
  });

  describe.each(transports)('over %s', (transport) => {
    test.each(operations)('$method $path ($id) is refused without the scope', async (operation) => {
      const before = countReached(app);
      for (const kind of tokenKinds.filter((each) => !isAllowed(operation, each))) {
        const { status, code, challenge } = await call(transport, operation, kind);
        const expected =
          kind === 'no token'
            ? { status: 401, code: 'UNAUTHORIZED', challenge: challenges.none(app.url) }
            : scopesOf[kind] === undefined
              ? {
                  status: 401,
                  code: 'UNAUTHORIZED',
                  challenge: expect.stringMatching(challenges.of(app.url, 'invalid_token')),
                }
              : {
                  status: 403,
                  code: 'FORBIDDEN',
                  challenge: expect.stringMatching(
                    challenges.of(app.url, 'insufficient_scope', operation.scopes[0]),
                  ),
                };
        expect({ kind, status, code, challenge }).toEqual({ kind, ...expected });
      }
      expect(countReached(app)).toEqual(before);
    });
  });

  // After all refusals: a stream that was opened has the VM watched for minutes, which would count as reached.
  describe.each(transports)('over %s', (transport) => {
    test.each(operations.filter(({ isStream }) => isStream))(
      '$method $path ($id) opens with the scope, or is not found',
      async (operation) => {
        for (const kind of tokenKinds.filter((each) => isAllowed(operation, each))) {
          const { status, code, challenge } = await call(transport, operation, kind);
          expect({ kind, status, code, challenge }).toEqual(
            operation.path.includes(harmless)
              ? { kind, status: 404, code: 'NOT_FOUND', challenge: null }
              : { kind, status: 200, code: undefined, challenge: null },
          );
        }
      },
    );

    test.each(operations.filter((operation) => !isPower(operation) && !operation.isStream))(
      '$method $path ($id) is open with the scope',
      async (operation) => {
        for (const kind of tokenKinds.filter((each) => isAllowed(operation, each))) {
          const { status, challenge } = await call(transport, operation, kind);
          expect({ kind, status, challenge }).toEqual({
            kind,
            status: expect.toSatisfy((value: number) => [200, 202, 400, 404, 409].includes(value)),
            challenge: null,
          });
        }
      },
    );

    test('power actions are open with the scope, and judged by the state of the VM', async () => {
      app.sandbox.world.setLifecycleState('PROVISIONING');
      try {
        for (const operation of operations.filter(isPower))
          for (const kind of tokenKinds.filter((each) => isAllowed(operation, each))) {
            const { status, challenge } = await call(transport, operation, kind);
            expect({ id: operation.id, kind, status, challenge }).toEqual({
              id: operation.id,
              kind,
              status: expect.toSatisfy((value: number) => [400, 404, 409].includes(value)),
              challenge: null,
            });
          }
        expect(app.sandbox.oci.count('InstanceAction')).toBe(0);
      } finally {
        app.sandbox.world.setLifecycleState('RUNNING');
        await until('the containers answer again', async () => (await app.get('/containers')).ok);
      }
    });
  });

  test('none of the tokens was logged', () => {
    const output = app.server.output();
    for (const [kind, token] of Object.entries(tokens))
      if (token !== undefined && token !== 'garbage')
        expect({ kind, isLogged: output.includes(token) }).toEqual({ kind, isLogged: false });
  });
});
