// Whose time the groups of a CPU profile say it is.

import { expect, test } from 'vitest';
import { toGroup, toGroups } from './cpu-profile-groups.ts';

test.each([
  ['(idle)', '', '(idle)'],
  ['(garbage collector)', '', 'garbage collection'],
  ['writev', '', 'writing to sockets and to the log'],
  ['digest', '', undefined],
  ['emit', 'node:events', "Node's HTTP, streams and events"],
  ['verify', 'node:internal/crypto/webcrypto', 'signatures and hashes'],
  ['send', 'file:///a/node_modules/.pnpm/fastify@5/node_modules/fastify/lib/reply.js', 'Fastify'],
  [
    'x',
    'file:///a/node_modules/.pnpm/@trpc+server@11/node_modules/@trpc/server/dist/a.mjs',
    'tRPC',
  ],
  ['x', 'file:///a/node_modules/.pnpm/lru-cache@11/node_modules/lru-cache/a.js', 'other packages'],
  ['call', 'file:///a/packages/server/dist/rest/rest.js', 'our server/rest'],
  ['list', 'file:///a/packages/core/src/containers/containers.ts', 'our core/containers'],
])('%s of %j is of the group %j', (name, source, group) => {
  expect(toGroup(name, source)).toBe(group);
});

test('self time is summed by group; what has no file counts as its caller’s, and what is idle not at all', () => {
  const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
    ...{ id, children },
    callFrame: { functionName, url, lineNumber: 0, columnNumber: 0 },
  });
  const rest = 'file:///a/packages/server/dist/rest/rest.js';
  const nodes = [
    node(1, '(root)', '', [2, 3]),
    node(2, '(idle)', ''),
    node(3, 'call', rest, [4]),
    node(4, 'stringify', ''),
  ];
  const groups = toGroups({ nodes, samples: [2, 3, 4, 4], timeDeltas: [9000, 1000, 500, 500] });
  expect([...groups]).toEqual([['our server/rest', 2]]);
});
