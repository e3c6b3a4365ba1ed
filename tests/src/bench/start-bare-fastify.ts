// Starts the bare twin of an API: it gives the answers that the API gives at this moment.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { App } from '../support/start-sandbox-and-api.ts';

export interface BareFastify extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

/** The same file from the sources and from what they are compiled to. */
const file = fileURLToPath(new URL('./bare-fastify.mjs', import.meta.url));

export async function startBareFastify(
  app: App,
  paths: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<BareFastify> {
  const { OIDC_ISSUER: issuer = '', OIDC_AUDIENCE: audience = '' } = app.sandbox.env;
  const metadata = await fetch(`${issuer}/.well-known/openid-configuration`);
  const { jwks_uri: jwksUri } = (await metadata.json()) as { jwks_uri: string }; // by OpenID Connect Discovery
  const answers = Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path, await app.getJson(path)] as const)),
  );
  const child = fork(file, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    execArgv: [],
    env: { ...process.env, ...env },
  });
  const exited = once(child, 'exit');
  child.stdout?.resume();
  child.send({ issuer, audience, jwksUri, answers });
  const [port] = await once(child, 'message');
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
    },
  };
}
