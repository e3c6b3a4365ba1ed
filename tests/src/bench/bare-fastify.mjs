// The least that such an API could cost: a bare Fastify route with the same JSON, `jose.jwtVerify` for every request and a log line each.
// A process of its own, in plain JavaScript so that it runs from the sources too; it is told what to answer by its parent's first message.

import { fastify } from 'fastify';
import { createRemoteJWKSet, jwtVerify } from 'jose';

process.once('message', async ({ issuer, audience, jwksUri, answers }) => {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  const app = fastify({ logger: { level: 'info' } });
  for (const [path, answer] of Object.entries(answers)) {
    app.get(path, async ({ headers: { authorization = '' } }) => {
      await jwtVerify(authorization.replace('Bearer ', ''), keys, { issuer, audience });
      return answer;
    });
  }
  await app.listen({ host: '127.0.0.1', port: 0 });
  process.send(app.server.address().port);
});
process.once('disconnect', () => process.exit());
