// The output of a job as its readers get it from a real VM: every byte from any place, while it runs and after.

import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ended, readAll, readOne, record, startWorld } from '../testing/jobs-on-vm.test-support.ts';
import { readLiveBytes } from '../testing/memory-in-use.test-support.ts';
import { describeSshd } from '../testing/sshd.test-support.ts';
import { createJobHost } from './jobs-on-vm.ts';

describeSshd('jobs', () => {
  it('give bytes as they are, from any offset, with or without a newline at the end', async () => {
    await using world = await startWorld();
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 7) % 256));
    await writeFile(world.file('odd'), bytes);
    const job = world.job('cat "$1/odd"; sleep 0.5; printf end');
    await world.host.start(job);
    const whole = Buffer.concat([bytes, Buffer.from('end')]);
    expect(await readAll(world.host, job.id)).toEqual(whole);
    for (const offset of [1, 255, 256, 4999, 5000, 5002, 5003]) {
      expect(await readAll(world.host, job.id, offset)).toEqual(whole.subarray(offset));
    }
    expect(await readOne(world.host, job.id, 1_000_000)).toMatchObject({
      done: true,
      bytes: Buffer.alloc(0),
    });
  });

  it('give an output as it comes, and wait on the VM for more', async () => {
    await using world = await startWorld();
    const job = world.job(
      'echo one; until [ -e "$1/go" ]; do sleep 0.05; done; echo two; until [ -e "$1/stop" ]; do sleep 0.05; done',
    );
    await world.host.start(job);
    expect((await readOne(world.host, job.id, 0)).bytes.toString()).toBe('one\n');
    const more = readOne(world.host, job.id, 4, 10_000);
    await writeFile(world.file('go'), '');
    expect((await more).bytes.toString()).toBe('two\n');
    const waiting = readOne(world.host, job.id, 8, 600);
    expect(await Promise.race([waiting, sleep(500, 'waits')])).toBe('waits');
    expect(await waiting).toMatchObject({
      state: 'running',
      done: false,
      bytes: Buffer.alloc(0),
    });
    await writeFile(world.file('stop'), '');
    expect(await ended(world.host, job.id)).toMatchObject({ state: 'succeeded' });
  });

  it('keep the words of an environment encrypted, for every process that asks for them', async () => {
    await using world = await startWorld();
    const secrets = { createdAt: '2026-02-08T10:15:31Z', words: ['pl4nted-s3cret', "it's"] };
    const job = world.job('exit 0', { secrets });
    const bare = world.job('exit 0');
    await world.host.start(job);
    await world.host.start(bare);
    const other = createJobHost({ connection: world.connect() });
    const found = await other.list({ tailBytes: 0, secrets: true });
    expect(new Map(found.map((each) => [each.id, each.secrets]))).toEqual(
      new Map([
        [job.id, secrets],
        [bare.id, undefined],
      ]),
    );
    expect((await other.list({ tailBytes: 0 })).map((each) => each.secrets)).toEqual([
      undefined,
      undefined,
    ]);
    const files = (await readdir(world.state, { recursive: true, withFileTypes: true })).filter(
      (entry) => entry.isFile(),
    );
    expect(files.map(({ name }) => name)).toContain('key');
    for (const { parentPath, name } of files) {
      const path = join(parentPath, name);
      expect((await stat(path)).mode & 0o077).toBe(0);
      expect(await readFile(path, 'latin1')).not.toContain('pl4nted');
    }
  });

  it('are read many at a time, and one that is not there answers at once', async () => {
    await using world = await startWorld();
    const jobs = ['a', 'bb', 'sleep 30'].map((word) =>
      world.job(word.startsWith('sleep') ? word : `printf ${word}`),
    );
    for (const job of jobs) await world.host.start(job);
    for (const job of jobs.slice(0, 2)) await ended(world.host, job.id);
    const spans = [...jobs.map(({ id }) => id), 'gone', '../x'].map((id) => ({ id, offset: 1 }));
    const readings = await world.host.read(spans, { waitMs: 3_600_000 });
    const byId = new Map(readings.map((reading) => [reading.id, reading]));
    expect(spans.map(({ id }) => byId.get(id)?.state)).toEqual([
      'succeeded',
      'succeeded',
      'running',
      undefined,
      undefined,
    ]);
    expect(byId.get(jobs[1]?.id ?? '')?.bytes.toString()).toBe('b');
  });

  it('that print 50 MB are read through in flat memory', async () => {
    await using world = await startWorld();
    const job = world.job('yes 0123456789abcdef | head -c 50000000');
    await world.host.start(job);
    await ended(world.host, job.id);
    const before = readLiveBytes();
    let most = 0;
    let measureAt = 0;
    let at = 0;
    for (;;) {
      const { bytes, done } = await readOne(world.host, job.id, at);
      at += bytes.length;
      if (at >= measureAt) {
        measureAt = at + 5_000_000;
        most = Math.max(most, readLiveBytes() - before);
      }
      if (done) break;
    }
    expect(at).toBe(50_000_000);
    expect(most).toBeLessThan(20_000_000);
    expect((await record(world.host, job.id, 3)).outputTail).toHaveLength(3);
  });

  it('give bytes of few spans at once, however many are asked for, and each in its turn', async () => {
    await using world = await startWorld();
    const job = world.job('seq 100000 100999');
    await world.host.start(job);
    await ended(world.host, job.id);
    const spans = Array.from({ length: 300 }, (_, index) => ({ id: job.id, offset: index * 7 }));
    const readings = await world.host.read(spans, { waitMs: 0 });
    expect(readings).toHaveLength(300);
    const served = readings.filter(({ bytes }) => bytes.length > 0);
    expect(served.map(({ offset }) => offset)).toEqual(
      spans.slice(0, 10).map(({ offset }) => offset),
    );
    expect(readings.filter(({ done }) => done)).toEqual(served);
  });

  it('keep on the VM who asked for them', async () => {
    await using world = await startWorld();
    const by = { sub: "ann's $(id)\n", clientId: 'cli', requestId: 'r-1' };
    const job = world.job('true', { by });
    await world.host.start(job);
    await ended(world.host, job.id);
    const [, , target, line = ''] = (
      await readFile(join(world.jobs, job.id, 'meta'), 'utf8')
    ).split('\n');
    expect(target).toBe('web');
    expect(JSON.parse(line)).toEqual(by);
  });
});
