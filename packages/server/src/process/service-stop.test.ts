// The end of a whole service, as SIGTERM brings it: those who still read are told, and nobody is waited for.

import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { parseConfig, requireConfig } from '../config/variables.ts';
import { startTestIssuer, type TestIssuer } from '../testing/issuer.test-support.ts';
import { openReader } from '../testing/stream.test-support.ts';
import { startService } from './service.ts';

/** Takes connections and says nothing on them. */
let silent: Server;
const dials: Socket[] = [];
let issuer: TestIssuer;
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'service-stop-'));
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 }); // a short one is made quickly
  await writeFile(join(folder, 'key'), privateKey.export({ type: 'pkcs1', format: 'pem' }));
  issuer = await startTestIssuer();
  issuer.answers['/jwks'] = { keys: [] };
  issuer.answers['/introspect'] = {
    active: true,
    scope: 'read',
    sub: 'reader',
    client_id: 'cli',
    aud: 'api',
    exp: 4_000_000_000,
  };
  silent = createServer((socket) => dials.push(socket)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
});
afterAll(async () => {
  await issuer[Symbol.asyncDispose]();
  for (const socket of dials) socket.destroy();
  silent.close();
  await rm(folder, { recursive: true });
});

/** With an hour of grace, which no test may wait for. */
async function start(env: Readonly<Record<string, string>> = {}) {
  const config = parseConfig({
    OIDC_ISSUER: issuer.url,
    OIDC_AUDIENCE: 'api',
    OIDC_CLIENT_ID: 'api',
    OIDC_CLIENT_SECRET: 'secret',
    OCI_INSTANCE_ID: 'ocid1.instance.oc1.eu-frankfurt-1.abc',
    OCI_CONFIG_FILE: join(folder, 'none'),
    SSH_HOST: '127.0.0.1',
    SSH_PORT: '1',
    SHUTDOWN_GRACE_SECONDS: '3600',
    ...env,
  });
  const lines: string[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  const service = await startService({ ...requireConfig(config), PORT: 0 }, { logger });
  const [url = ''] = /http:\/\/127[^"\s]+/.exec(lines.join('')) ?? []; // of the port that was free
  return { service, url };
}

test.each(['/events', '/trpc/events'])(
  'a reader of %s is interrupted, and the stop waits for nothing else',
  async (path) => {
    const { service, url } = await start();
    using reader = await openReader({ url }, path);
    await reader.until(1);
    await service.stop();
    const text = await reader.ended();
    // Neither an end nor a failure: an EventSource connects again, and finds another process.
    expect(text).not.toMatch(/event: (?:end|return|failure|serialized-error)/);
    expect(text).toMatch(/^(?:: connected|event: connected)/);
  },
);

test.each([
  ['is refused', {}, 503, /"reason":"SHUTTING_DOWN"/],
  // By the standard any answer but 200 would end an EventSource for good.
  [
    'of an EventSource is told to come back',
    { accept: 'text/event-stream' },
    200,
    /retry: 1[0-5]\d{3}\n\n$/,
  ],
])(
  'a request for a stream that still opens %s, and the stop does not wait for it',
  async (_, headers, status, text) => {
    const { service, url } = await start({
      SSH_PRIVATE_KEY_FILE: join(folder, 'key'),
      SSH_HOST_KEY_FINGERPRINT: `SHA256:${'A'.repeat(43)}`,
      SSH_PORT: String((silent.address() as AddressInfo).port), // a TCP listener's address
      SSH_CONNECT_TIMEOUT_SECONDS: '3600',
    });
    // No deadline fires from here on: what ends has been ended.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const dialed = once(silent, 'connection');
    const opening = openReader({ url }, '/events', { headers });
    await dialed;
    await service.stop();
    using reader = await opening;
    expect(reader.status).toBe(status);
    expect(await reader.ended()).toMatch(text);
  },
);
