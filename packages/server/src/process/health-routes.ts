// Liveness and readiness for proxies and orchestrators; neither needs a token, neither asks OCI or the VM.

import type { FastifyInstance } from 'fastify';

export interface HealthOptions {
  /** Rejects with the reason while requests could not be served, which it is to log. */
  readonly checkReady: () => Promise<void>;
}

/** `/healthz`: the process answers. `/readyz`: it can check tokens too; else 503. */
export async function registerHealth(app: FastifyInstance, { checkReady }: HealthOptions) {
  const config = { isPublic: true, isProbe: true };
  app.get('/healthz', { config }, () => ({ status: 'ok' }));
  app.get('/readyz', { config }, async () => {
    await checkReady();
    return { status: 'ready' };
  });
}
