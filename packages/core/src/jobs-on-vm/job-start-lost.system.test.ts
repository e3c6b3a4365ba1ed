// A start whose answer is lost on a real VM: it is found out whether it took effect, or said that nobody knows.

import { expect, it } from 'vitest';
import type { SshConnection } from '../ssh/connection/connection.ts';
import { toAppError } from '../ssh/to-app-error.ts';
import { readAll, startWorld } from '../testing/jobs-on-vm.test-support.ts';
import { describeSshd } from '../testing/sshd.test-support.ts';
import { createJobHost, type JobHostOptions } from './jobs-on-vm.ts';

describeSshd('a start whose answer is lost', () => {
  const lost = toAppError('CONNECTION_LOST');

  /** A connection whose next command that starts a job gets lost on its way there, or back. */
  function loseStart(
    connection: SshConnection,
    options: { readonly sent: boolean; readonly findable?: boolean },
  ): JobHostOptions['connection'] {
    return {
      async exec(argv, call) {
        if (argv.length < 7) {
          if (options.findable === false) throw lost;
          return connection.exec(argv, call);
        }
        if (!options.sent) throw lost;
        const command = await connection.exec(argv, call);
        return { ...command, exit: command.exit.then(() => Promise.reject(lost)) };
      },
    };
  }

  it('is found when it took effect', async () => {
    await using world = await startWorld();
    const host = createJobHost({ connection: loseStart(world.connection, { sent: true }) });
    const job = world.job('echo ran');
    expect(await host.start(job)).toEqual({ startedAt: expect.stringMatching(/Z$/) });
    expect((await readAll(world.host, job.id)).toString()).toBe('ran\n');
  });

  it('is SERVICE_UNAVAILABLE when nothing was started, and cannot take effect later', async () => {
    await using world = await startWorld();
    const host = createJobHost({ connection: loseStart(world.connection, { sent: false }) });
    const job = world.job('echo ran');
    await expect(host.start(job)).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('Nothing was started'),
      details: { reason: 'CONNECTION_LOST' },
    });
    await expect(world.host.start(job)).rejects.toThrow(/not started/);
    expect(await world.host.list({ tailBytes: 0 })).toEqual([]);
  });

  it('is unknown when the VM cannot be asked', async () => {
    await using world = await startWorld();
    const connection = loseStart(world.connection, { sent: true, findable: false });
    const host = createJobHost({ connection, findTimeoutMs: 700 });
    const job = world.job('echo ran');
    await expect(host.start(job)).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining(`GET /jobs/${job.id}`),
      details: { reason: 'OUTCOME_UNKNOWN', outcome: 'unknown', job: job.id },
    });
  });

  it('was never made when there was no connection: that is told as it is', async () => {
    await using world = await startWorld();
    const refused = toAppError('CONNECTION_REFUSED');
    const host = createJobHost({ connection: { exec: () => Promise.reject(refused) } });
    await expect(host.start(world.job('true'))).rejects.toBe(refused);
  });
});
