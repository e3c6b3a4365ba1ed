// The ways to list containers that are compared, the limit first.

import type { Latency } from './latency.ts';

export const wayNames = {
  socket: 'Engine API on its unix socket (the limit)',
  rest: '`GET /containers` through REST',
  client: 'the same through the typed client',
  lone: 'REST, 300 ms after the call before, so that nothing is shared',
  ssh: '`ssh host docker ps -a`, a connection each',
  dockerSsh: '`docker -H ssh://host ps -a`',
} as const;
export type WayName = keyof typeof wayNames;

export type Listing = Readonly<Record<WayName, Latency>>;
