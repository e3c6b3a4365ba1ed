// The least that such an API could cost: a bare Fastify route with the same JSON, `jose.jwtVerify` for every request and a log line each. A process of its own.

import type { AddressInfo } from 'node:net';
import { fastify } from 'fastify';
import { createRemoteJWKSet, jwtVerify } from 'jose';

export interface TwinSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUri: string;
  /** What each path answers. */
  readonly answers: Readonly<Record<string, unknown>>;
}

process.once('message', async ({ issuer, audience, jwksUri, answers }: TwinSettings) => {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  const app = fastify({ logger: { level: 'info' } });
  for (const [path, answer] of Object.entries(answers)) {
    app.get(path, async ({ headers: { authorization = '' } }) => {
      await jwtVerify(authorization.replace('Bearer ', ''), keys, { issuer, audience });
      return answer;
    });
  }
  await app.listen({ host: '127.0.0.1', port: 0 });
  process.send?.((app.server.address() as AddressInfo).port);
});
