import { expect, test } from 'vitest';
import { type SshReason, toAppError } from '../to-app-error.ts';
import { createCapture } from './exec.ts';

const lost = (reason: SshReason, isRead: boolean) =>
  createCapture({ exec: () => Promise.reject(toAppError(reason)) })(['true'], {
    ...{ timeoutMs: 60_000, maxBytes: 100, isRead },
  }).catch((error: unknown) => error);

test.each<SshReason>(['CONNECTION_LOST', 'PEER_SILENT', 'OUTCOME_UNKNOWN', 'COMMAND_TIMEOUT'])(
  '%s: a command that only reads can be repeated, and what any other did is not known',
  async (reason) => {
    const read = await lost(reason, true);
    expect(read).toMatchObject({ code: 'SERVICE_UNAVAILABLE', details: { reason } });
    expect(read).toHaveProperty('message', expect.stringContaining('can be repeated'));
    expect(read).not.toHaveProperty('text', 'Outcome unknown');
    expect(await lost(reason, false)).toHaveProperty('message', expect.stringMatching(/not known/));
  },
);

test('what says that nothing was begun stays as it is', async () => {
  expect(await lost('COMMANDS_BUSY', true)).toEqual(toAppError('COMMANDS_BUSY'));
});
