// The one way to the issuer, where it stalls.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createIssuerHttp } from './issuer-http.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void; // what the flag adds to a context

test.each(['nothing', 'half of its answer'])(
  'an issuer that says %s is given up in time, garbage collected or not',
  async (said) => {
    await using issuer = await startStallingIssuer(said !== 'nothing');
    const collecting = setInterval(collectGarbage, 10);
    try {
      const asking = createIssuerHttp({ timeoutMs: 200 }).getJson(issuer.url);
      await expect(asking).rejects.toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        details: { reason: 'ISSUER_UNAVAILABLE' },
        cause: { message: 'the issuer did not answer in time' },
      });
    } finally {
      clearInterval(collecting);
    }
  },
);

async function startStallingIssuer(begins: boolean) {
  const server = createServer((_request, response) => {
    if (begins) response.writeHead(200, { 'content-type': 'application/json' }).write('{"keys":');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // it listens on TCP
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
