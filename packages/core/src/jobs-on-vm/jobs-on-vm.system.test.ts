// What a job is on a VM, against a real sshd and real shells: what it gets, what it leaves, and what the VM needs for it.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  ended,
  findRunner,
  readAll,
  readOne,
  record,
  startWorld,
} from '../testing/jobs-on-vm.test-support.ts';
import { describeSshd } from '../testing/sshd.test-support.ts';

describeSshd('jobs', () => {
  it('run, and leave their output, exit code and times', async () => {
    await using world = await startWorld();
    const { host } = world;
    const job = world.job('echo out; echo err >&2; printf "%s" "$WORD"; exit 17', {
      env: { WORD: "it's $HOME" },
      target: 'my.web-1',
    });
    const beforeMs = Math.floor(Date.now() / 1000) * 1000;
    const { startedAt } = await host.start(job);
    expect(Date.parse(startedAt)).toBeGreaterThanOrEqual(beforeMs);
    expect(Date.parse(startedAt)).toBeLessThanOrEqual(Date.now());
    expect(await ended(host, job.id)).toMatchObject({ state: 'failed', done: true });
    const output = "out\nerr\nit's $HOME";
    const found = await record(host, job.id);
    expect(found).toMatchObject({
      id: job.id,
      kind: 'rebuild',
      target: 'my.web-1',
      state: 'failed',
      exitCode: 17,
      startedAt,
      outputBytes: output.length,
      outputTail: output,
    });
    expect(Date.parse(found.finishedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(startedAt));
    expect((await readAll(host, job.id)).toString()).toBe(output);
  });

  it.each([
    ['true', 'succeeded', 0],
    ['exit 1', 'failed', 1],
    ['kill -9 $$', 'failed', 137],
  ] as const)('that do %j have %s', async (script, state, exitCode) => {
    await using world = await startWorld();
    const job = world.job(script);
    await world.host.start(job);
    await ended(world.host, job.id);
    expect(await record(world.host, job.id)).toMatchObject({ state, exitCode });
  });

  it('whose command does not exist have failed with 127, and say so', async () => {
    await using world = await startWorld();
    const job = world.job('', { argv: ['no-such-command', 'x'] });
    await world.host.start(job);
    await ended(world.host, job.id);
    const found = await record(world.host, job.id);
    expect(found).toMatchObject({ state: 'failed', exitCode: 127 });
    expect(found.outputTail).toContain('no-such-command');
  });

  it('hand every argument over unharmed', async () => {
    await using world = await startWorld();
    const args = ['', "it's", 'a\nb', '$(touch pwned)', '-n', '"', '\\', '*', 'ü🚀', '; exit 9'];
    const job = world.job('', { argv: ['printf', '<%s>', ...args] });
    await world.host.start(job);
    expect((await readAll(world.host, job.id)).toString()).toBe(
      args.map((arg) => `<${arg}>`).join(''),
    );
  });

  it('have the umask and folder of a login, no input, and a session of their own', async () => {
    await using world = await startWorld();
    const job = world.job('umask; pwd; read -r line || echo nothing; ps -o sid= -p $$; echo $PPID');
    await world.host.start(job);
    const [mask, folder, input, session, runner] = (await readAll(world.host, job.id))
      .toString()
      .split('\n');
    const login = await new Promise<string>((resolve, reject) => {
      let text = '';
      world.connection
        .exec(['sh', '-c', 'umask; pwd'], { onOutput: (chunk) => (text += chunk) })
        .then((command) => command.exit)
        .then(() => resolve(text), reject);
    });
    expect(`${mask}\n${folder}\n`).toBe(login);
    expect(input).toBe('nothing');
    // Whatever ends the session that started it, or its process group, does not reach it.
    expect(Number(session)).toBe(Number(runner));
  });

  it('lie in a folder that is closed to others, with nothing of the environment', async () => {
    await using world = await startWorld();
    const job = world.job('true', { env: { PASSWORD: 'hunter2hunter2' } });
    await world.host.start(job);
    await ended(world.host, job.id);
    const modes = execFileSync('find', [world.state, '-printf', '%m %f\n'], { encoding: 'utf8' });
    for (const line of modes.trim().split('\n').slice(1)) expect(line).toMatch(/^[67]00 /);
    for (const name of ['meta', 'log', 'lock']) {
      expect(await readFile(join(world.jobs, job.id, name), 'utf8')).not.toContain('hunter2');
    }
  });

  it('are not kept in a folder that somebody else planted', async () => {
    await using world = await startWorld();
    await mkdir(world.state);
    await mkdir(world.file('elsewhere'));
    await symlink(world.file('elsewhere'), join(world.state, 'ondemand'));
    await expect(world.host.start(world.job('true'))).rejects.toMatchObject({
      code: 'INTERNAL_ERROR',
      message: expect.stringContaining('home folder'),
    });
    expect(await world.host.list({ tailBytes: 10 })).toEqual([]);
    expect(await readdir(world.file('elsewhere'))).toEqual([]);
  });

  it.each(['bash', 'busybox'] as const)('work with nothing but %s and flock', async (tools) => {
    await using world = await startWorld({ tools });
    const { host } = world;
    const job = world.job('echo one; until [ -e "$1/go" ]; do sleep 1; done; printf end; exit 3', {
      lock: 'rebuild-home',
    });
    await host.start(job);
    expect((await readOne(host, job.id, 0, 5000)).bytes.toString()).toBe('one\n');
    await expect(host.start(world.job('true', { lock: 'rebuild-home' }))).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { job: job.id },
    });
    await writeFile(world.file('go'), '');
    expect((await readAll(host, job.id, 2)).toString()).toBe('e\nend');
    expect(await record(host, job.id, 5)).toMatchObject({
      state: 'failed',
      exitCode: 3,
      outputBytes: 7,
      outputTail: 'e\nend',
    });
    const lost = world.job('echo x; sleep 30');
    await host.start(lost);
    await readOne(host, lost.id, 0);
    process.kill(-findRunner(lost.id), 'SIGKILL');
    expect(await ended(host, lost.id)).toMatchObject({ state: 'lost' });
    expect((await host.list({ tailBytes: 0 })).map(({ id }) => id).sort()).toEqual([
      job.id,
      lost.id,
    ]);
  });

  it('that the VM lacks the tools for are SERVICE_UNAVAILABLE, and nothing is left behind', async () => {
    await using world = await startWorld({ tools: 'no-setsid' });
    await expect(world.host.start(world.job('true'))).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining('util-linux'),
      details: { reason: 'COMMAND_NOT_FOUND' },
    });
    expect(existsSync(world.state)).toBe(false);
  });

  it('are none before the first one', async () => {
    await using world = await startWorld();
    expect(await world.host.list({ tailBytes: 10 })).toEqual([]);
    expect(await world.host.list({ id: 'x', tailBytes: 10 })).toEqual([]);
    expect(await readOne(world.host, 'x', 0, 5000)).toMatchObject({ state: undefined });
    expect(existsSync(world.state)).toBe(false);
  });
});
