// The service of jobs on its real host, while the connection between them is cut.

import { expect, test } from 'vitest';
import { systemClock } from '../concurrency/clock.ts';
import { web } from '../testing/jobs.test-support.ts';
import { startWorld } from '../testing/jobs-on-vm.test-support.ts';
import { readLiveBytes } from '../testing/memory-in-use.test-support.ts';
import { describeSshd } from '../testing/sshd.test-support.ts';
import { createJobs } from './jobs.ts';

async function startService(script: string) {
  let connects = 0;
  const world = await startWorld({
    onEvent: ({ type }) => {
      if (type === 'connected') connects += 1;
    },
  });
  const { sshd, host, connection } = world;
  const jobs = createJobs({
    host,
    planRebuild: async () => ({
      argv: ['sh', '-c', script, 'sh', sshd.folder],
      env: {},
      lock: 'rebuild-home',
    }),
    compute: {
      getInstance: async () => ({ lifecycleState: 'RUNNING', displayName: 'vm', etag: 'e' }),
      getPublicIp: async () => undefined,
      act: async () => {},
    },
    link: connection,
    clock: systemClock,
    randomHex: (digits) => '3f9a1c2b'.slice(0, digits),
  });
  return {
    sshd,
    jobs,
    connects: () => connects,
    [Symbol.asyncDispose]: world[Symbol.asyncDispose],
  };
}

describeSshd('jobs over a real sshd', () => {
  test('output() has every line once though the connection is cut again and again, and wait() sees the end', async () => {
    await using world = await startService(
      'n=0; while [ $n -lt 200 ]; do n=$((n+1)); echo "line $n"; sleep 0.03; done; exit 4',
    );
    const { id } = await world.jobs.startRebuild(web);
    const waiting = world.jobs.wait(id).catch((error: unknown) => error);
    let text = '';
    let cuts = 0;
    for await (const piece of await world.jobs.output(id)) {
      text += piece.text;
      if (cuts < 4 && text.length > (cuts + 1) * 200) {
        cuts += 1;
        world.sshd.signalSessions('SIGKILL');
      }
    }
    expect(text).toBe(Array.from({ length: 200 }, (_, n) => `line ${n + 1}\n`).join(''));
    expect(await waiting).toMatchObject({
      code: 'INTERNAL_ERROR',
      details: { exitCode: 4, job: id, output: expect.stringMatching(/line 200$/) },
    });
    expect(world.connects()).toBeGreaterThan(1);
  });

  test('output() of 50 MB comes in flat memory, also to several readers', async () => {
    await using world = await startService('yes "#7 12.3 a line of a build" | head -c 50000000');
    const { id } = await world.jobs.startRebuild(web);
    await world.jobs.wait(id);
    let most = 0;
    let lookAt = 0;
    const before = readLiveBytes();
    const read = async () => {
      let size = 0;
      for await (const { text } of await world.jobs.output(id)) {
        size += text.length;
        if (size < lookAt) continue;
        lookAt = size + 5_000_000;
        most = Math.max(most, readLiveBytes() - before);
      }
      return size;
    };
    const sizes = await Promise.all([read(), read(), read()]);
    for (const size of sizes) expect(Math.abs(size - 50_000_000)).toBeLessThan(2);
    expect(most).toBeLessThan(20_000_000);
  });
});
