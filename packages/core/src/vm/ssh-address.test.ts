import { expect, test } from 'vitest';
import { createSshAddress } from './ssh-address.ts';

test('however many ask at the same time, OCI and SSH are asked once, and anew for one who asks later', async () => {
  const asked = { oci: 0, ssh: 0 };
  const { address } = createSshAddress({
    connection: {
      connected: false,
      drop() {},
      address({ signal }) {
        asked.ssh += 1;
        return new Promise((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason));
        });
      },
    },
    compute: {
      async getInstance() {
        asked.oci += 1;
        return { lifecycleState: 'STOPPED', displayName: 'vm', etag: 'e' };
      },
      getPublicIp: async () => undefined,
      act: async () => {},
    },
  });
  const refused = { details: { lifecycleState: 'STOPPED' } };
  const ends = await Promise.allSettled(Array.from({ length: 100 }, () => address()));
  for (const end of ends) expect(end).toMatchObject({ status: 'rejected', reason: refused });
  expect(asked).toEqual({ oci: 1, ssh: 1 });
  await expect(address()).rejects.toMatchObject(refused);
  expect(asked).toEqual({ oci: 2, ssh: 2 });
});
