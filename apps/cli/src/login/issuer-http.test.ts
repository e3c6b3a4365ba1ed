import { customFetch } from 'oauth4webapi';
import { expect, test } from 'vitest';
import { keepCollectingGarbage } from '../testing/collect-garbage.test-support.ts';
import { startSilentServer } from '../testing/silent-server.test-support.ts';
import { startStubIssuer } from '../testing/stub-issuer.test-support.ts';
import { toRequestOptions } from './issuer-http.ts';

const { signal } = new AbortController();

test.each([false, true])(
  'an issuer that does not answer is given up, garbage collected or not; answer begun: %s',
  async (begins) => {
    await using issuer = await startSilentServer({ begins });
    using _collecting = keepCollectingGarbage();
    const asking = toRequestOptions(signal, 200)[customFetch](issuer.url, {});
    await expect(asking).rejects.toMatchObject({ name: 'TimeoutError' });
  },
);

test('what the issuer answers arrives whole', async () => {
  await using issuer = await startStubIssuer({ token: [{ status: 400, body: { error: 'no' } }] });
  const response = await toRequestOptions(signal)[customFetch](`${issuer.issuer}/token`, {});
  expect(response.status).toBe(400);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.json()).toEqual({ error: 'no' });
});
