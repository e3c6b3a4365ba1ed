// What an end of a script on the VM means: only one that ended well has written anything.

import { describe, expect, test } from 'vitest';
import { scriptExits } from '../jobs-on-vm/scripts.ts';
import { createIdleHost } from './idle-on-vm.ts';

function start(exitCode: number, output = '') {
  return createIdleHost({
    processId: 'aa',
    connection: {
      async exec(_argv, { onOutput } = {}) {
        onOutput?.(Buffer.from(output));
        return { exit: Promise.resolve(exitCode), stop() {} };
      },
    },
  });
}

describe.each([scriptExits.noFolder, 1, 126, 137])(
  'a script that ends with %i has written nothing, which is a failure of',
  (exitCode) => {
    const host = start(exitCode, 'claimed\n');
    const failure = {
      code: 'SERVICE_UNAVAILABLE',
      text: 'Command failed on the VM',
      message: expect.stringMatching(/cannot be written.*space left/),
      details: { reason: 'COMMAND_FAILED' },
    };
    test.each([
      ['a note', () => host.note([{ name: 'cpu', at: { secondsAgo: 0 }, by: 'web' }])],
      [
        'an announcement',
        () => host.announce({ stopsAt: 9, because: 'idle', isDryRun: false, text: '' }),
      ],
      [
        'the claim of a stop',
        () => host.claimStop({ readySince: 1, because: 'idle', observedAt: 2 }),
      ],
      ['the registration of a connection', () => host.register({})],
    ])('%s', async (_, write) => {
      await expect(write()).rejects.toMatchObject(failure);
    });
  },
);

test('a script that ends well has written, and says whether the stop was claimed', async () => {
  const host = start(0, 'claimed\n');
  await host.note([{ name: 'cpu', at: { secondsAgo: 0 }, by: 'web' }]);
  expect(await host.claimStop({ readySince: 1, because: 'idle', observedAt: 2 })).toBe(true);
  expect(await start(0).claimStop({ readySince: 1, because: 'idle', observedAt: 2 })).toBe(false);
});
