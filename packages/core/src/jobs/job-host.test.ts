// Jobs against a real sshd and real shells: what is promised must hold while connections, runners and readers come and go.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { AppError } from '../errors.ts';
import type { JobHost, JobReading, JobRequest } from '../ports.ts';
import { createSshConnection, type SshConnection } from '../ssh/connection.ts';
import { describeSshd, startSshd } from '../ssh/sshd.test-support.ts';
import { toAppError } from '../ssh/to-app-error.ts';
import { createJobHost, type JobHostOptions } from './job-host.ts';

interface WorldOptions {
  /** What the VM's `sh` and its small tools are; the machine's own by default. */
  readonly tools?: 'bash' | 'busybox' | 'no-setsid';
}

async function startWorld({ tools }: WorldOptions = {}) {
  const sshd = await startSshd();
  const env = tools === undefined ? [] : [`PATH=${await makeTools(sshd.folder, tools)}`];
  const state = join(sshd.folder, 'state');
  await sshd.kill();
  const config = join(sshd.folder, 'sshd_config');
  const text = (await readFile(config, 'utf8')).replace(
    'SetEnv SHLVL=5',
    ['SetEnv SHLVL=5', `XDG_STATE_HOME=${state}`, ...env].join(' '),
  );
  await writeFile(config, text);
  await sshd.start();
  const connections: SshConnection[] = [];
  const connect = () => {
    const connection = createSshConnection({
      resolveHost: async () => '127.0.0.1',
      port: sshd.port,
      username: 'root',
      privateKeyFile: sshd.privateKeyFile,
      knownHostsFile: sshd.knownHostsFile,
    });
    connections.push(connection);
    return connection;
  };
  const connection = connect();
  const jobs = join(state, 'ondemand', 'jobs');
  const world = randomBytes(4).toString('hex');
  let count = 0;
  return {
    sshd,
    jobs,
    state,
    connect,
    connection,
    host: createJobHost({ connection }),
    /** A job that runs a script; `$1` is this world's folder. */
    job(script: string, changes: Partial<JobRequest> = {}): JobRequest {
      count += 1;
      return {
        id: `20260208T1015${String(count).padStart(3, '0')}Z-${world}`,
        kind: 'rebuild',
        target: 'web',
        lock: `rebuild-${count}`,
        argv: ['sh', '-c', script, 'sh', sshd.folder],
        env: {},
        ...changes,
      };
    },
    file: (name: string) => join(sshd.folder, name),
    [Symbol.asyncDispose]: async () => {
      for (const each of connections) await each[Symbol.asyncDispose]();
      killAll(sshd.folder);
      await until(() => findProcesses(sshd.folder).length === 0);
      await sshd[Symbol.asyncDispose]();
    },
  };
}

/** A folder for the PATH: nothing is found but what jobs may use. */
async function makeTools(folder: string, tools: string): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const link = (name: string, target: string) => symlink(target, join(bin, name));
  const small = 'chmod date head mkdir mv rm rmdir setsid sleep tail wc'.split(' ');
  for (const name of small.filter((each) => tools !== 'no-setsid' || each !== 'setsid')) {
    await link(name, tools === 'busybox' ? '/bin/busybox' : findTool(name));
  }
  await link('sh', { bash: '/bin/bash', busybox: '/bin/busybox' }[tools] ?? '/bin/sh');
  await link('flock', findTool('flock'));
  await link('env', findTool('env'));
  return bin;
}

function findTool(name: string): string {
  return execFileSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' }).trim();
}

/** Everything that was started for this world has its folder in its arguments, or is in the group of what has. */
function killAll(folder: string): void {
  for (const { group } of findProcesses(folder)) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

function findProcesses(word: string): { readonly pid: number; readonly group: number }[] {
  return execFileSync('ps', ['-eo', 'pid=,pgid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , command, ...args]) => !command?.includes('sshd') && args.join(' ').includes(word))
    .map(([pid, group]) => ({ pid: Number(pid), group: Number(group) }));
}

/** The process that looks after a job; its children are the job itself. */
function findRunner(id: string): number {
  const runners = execFileSync('ps', ['-eo', 'pid=,pgid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([pid, group, ...args]) =>
        pid === group && args.includes('ondemand-job') && args.some((arg) => arg.endsWith(id)),
    );
  return Number(runners[0]?.[0]);
}

async function readAll(host: JobHost, id: string, offset = 0): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let at = offset;
  for (;;) {
    const { bytes, done, state } = await readOne(host, id, at);
    if (state === undefined) throw new Error(`No job ${id}`);
    pieces.push(Uint8Array.from(bytes));
    at += bytes.length;
    if (done) return Buffer.concat(pieces);
  }
}

async function readOne(host: JobHost, id: string, offset: number, waitMs = 1000) {
  const [reading] = await host.read([{ id, offset }], { waitMs });
  if (reading === undefined) throw new Error('No reading');
  return reading;
}

async function ended(host: JobHost, id: string): Promise<JobReading> {
  const deadlineMs = Date.now() + 20_000;
  for (;;) {
    const reading = await readOne(host, id, Number.MAX_SAFE_INTEGER);
    if (reading.done || reading.state === undefined) return reading;
    if (Date.now() > deadlineMs) throw new Error(`${id} does not end`);
  }
}

async function record(host: JobHost, id: string, tailBytes = 1000) {
  const [found] = await host.list({ id, tailBytes });
  if (found === undefined) throw new Error(`No job ${id}`);
  return { ...found, outputTail: Buffer.from(found.outputTail).toString('latin1') };
}

async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000) {
  const deadlineMs = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadlineMs) throw new Error(`Not within ${timeoutMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

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
    const startMs = performance.now();
    expect(await readOne(world.host, job.id, 8, 600)).toMatchObject({
      state: 'running',
      done: false,
      bytes: Buffer.alloc(0),
    });
    expect(performance.now() - startMs).toBeGreaterThan(500);
    await writeFile(world.file('stop'), '');
    expect(await ended(world.host, job.id)).toMatchObject({ state: 'succeeded' });
  });

  it('are read many at a time, and one that is not there answers at once', async () => {
    await using world = await startWorld();
    const jobs = ['a', 'bb', 'sleep 30'].map((word) =>
      world.job(word.startsWith('sleep') ? word : `printf ${word}`),
    );
    for (const job of jobs) await world.host.start(job);
    for (const job of jobs.slice(0, 2)) await ended(world.host, job.id);
    const spans = [...jobs.map(({ id }) => id), 'gone', '../x'].map((id) => ({ id, offset: 1 }));
    const startMs = performance.now();
    const readings = await world.host.read(spans, { waitMs: 10_000 });
    expect(performance.now() - startMs).toBeLessThan(5000);
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

  it('survive the end of the connection, and the death of sshd', async () => {
    await using world = await startWorld();
    const job = world.job('echo begun; until [ -e "$1/go" ]; do sleep 0.05; done; echo done');
    await world.host.start(job);
    await world.connection[Symbol.asyncDispose]();
    await world.sshd.kill();
    await writeFile(world.file('go'), '');
    await world.sshd.start();
    const host = createJobHost({ connection: world.connect() });
    expect(await ended(host, job.id)).toMatchObject({ state: 'succeeded' });
    expect((await readAll(host, job.id)).toString()).toBe('begun\ndone\n');
  });

  it('are lost when they are killed whole, and their lock is free again', async () => {
    await using world = await startWorld();
    const job = world.job('echo begun; sleep 30', { lock: 'rebuild-home' });
    await world.host.start(job);
    await readOne(world.host, job.id, 0);
    process.kill(-findRunner(job.id), 'SIGKILL');
    expect(await ended(world.host, job.id)).toMatchObject({ state: 'lost', done: true });
    expect(await record(world.host, job.id)).toMatchObject({
      state: 'lost',
      exitCode: null,
      finishedAt: null,
      outputTail: 'begun\n',
    });
    const next = world.job('true', { lock: 'rebuild-home' });
    await world.host.start(next);
    expect(await ended(world.host, next.id)).toMatchObject({ state: 'succeeded' });
  });

  it('are lost to everybody who looks at the same time', async () => {
    await using world = await startWorld();
    const job = world.job('echo begun; sleep 30');
    await world.host.start(job);
    await readOne(world.host, job.id, 0);
    process.kill(-findRunner(job.id), 'SIGKILL');
    await ended(world.host, job.id);
    const spans = Array.from({ length: 40 }, (_, offset) => ({ id: job.id, offset }));
    const readings = await Promise.all(
      Array.from({ length: 6 }, () => world.host.read(spans, { waitMs: 0 })),
    );
    expect(new Set(readings.flat().map(({ state }) => state))).toEqual(new Set(['lost']));
  });

  it('hold their lock for as long as the build itself runs, also without a runner', async () => {
    await using world = await startWorld();
    const job = world.job('echo begun; until [ -e "$1/go" ]; do sleep 0.05; done', {
      lock: 'rebuild-home',
    });
    await world.host.start(job);
    await readOne(world.host, job.id, 0);
    process.kill(findRunner(job.id), 'SIGKILL');
    expect(await ended(world.host, job.id)).toMatchObject({ state: 'lost' });
    const next = world.job('true', { lock: 'rebuild-home' });
    await expect(world.host.start(next)).rejects.toMatchObject({
      code: 'CONFLICT',
      details: { job: job.id },
    });
    await writeFile(world.file('go'), '');
    await until(() => findProcesses(world.sshd.folder).length === 0);
    await world.host.start(next);
  });

  it('give their lock back at their end, though something they started goes on', async () => {
    await using world = await startWorld();
    const job = world.job('sleep 30 & echo $!', { lock: 'rebuild-home' });
    await world.host.start(job);
    const sleeper = Number((await readAll(world.host, job.id)).toString());
    expect(isAlive(sleeper)).toBe(true);
    await world.host.start(world.job('true', { lock: 'rebuild-home' }));
    process.kill(sleeper, 'SIGKILL');
  });

  it('with one lock start once out of twenty, through two connections', async () => {
    await using world = await startWorld();
    const hosts = [world.host, createJobHost({ connection: world.connect() })];
    const jobs = Array.from({ length: 20 }, () =>
      world.job('echo ran >>"$1/ran"; until [ -e "$1/go" ]; do sleep 0.05; done', {
        lock: 'rebuild-home',
      }),
    );
    const outcomes = await Promise.all(
      jobs.map((job, n) =>
        hosts[n % 2]?.start(job).then(
          () => job.id,
          (error: AppError) => error,
        ),
      ),
    );
    const started = outcomes.filter((outcome) => typeof outcome === 'string');
    expect(started).toHaveLength(1);
    const refused = outcomes.filter((outcome) => typeof outcome !== 'string');
    expect(refused.map((error) => [error?.code, error?.details])).toEqual(
      Array.from({ length: 19 }, () => ['CONFLICT', { job: started[0] }]),
    );
    expect(await readFile(world.file('ran'), 'utf8')).toBe('ran\n');
    await writeFile(world.file('go'), '');
    await ended(world.host, started[0] ?? '');
    expect((await world.host.list({ tailBytes: 0 })).map(({ id }) => id)).toEqual(started);
    expect(await leftovers(world.jobs)).toEqual([]);
  });

  it('are kept up to a number; those that run are never cleared away', async () => {
    await using world = await startWorld();
    const host = createJobHost({ connection: world.connection, keep: 3 });
    const running = world.job('until [ -e "$1/go" ]; do sleep 0.05; done');
    await host.start(running);
    const lost = world.job('sleep 30');
    await host.start(lost);
    process.kill(-findRunner(lost.id), 'SIGKILL');
    const others = Array.from({ length: 4 }, () => world.job('true'));
    for (const job of others) {
      await host.start(job);
      await ended(host, job.id);
    }
    const kept = (await host.list({ tailBytes: 0 })).map(({ id }) => id).sort();
    expect(kept).toEqual([running, ...others.slice(-2)].map(({ id }) => id));
    expect(await leftovers(world.jobs)).toEqual([]);
    await writeFile(world.file('go'), '');
    expect(await ended(host, running.id)).toMatchObject({ state: 'succeeded' });
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

  it('that print 50 MB are read through in flat memory', async () => {
    await using world = await startWorld();
    const job = world.job('yes 0123456789abcdef | head -c 50000000');
    await world.host.start(job);
    await ended(world.host, job.id);
    let before: number | undefined;
    let most = 0;
    let at = 0;
    for (;;) {
      const { bytes, done } = await readOne(world.host, job.id, at);
      at += bytes.length;
      // The first ones make Node grow, whatever they are read for.
      if (at > 10_000_000) before ??= process.memoryUsage().rss;
      if (before !== undefined) most = Math.max(most, process.memoryUsage().rss - before);
      if (done) break;
    }
    expect(at).toBe(50_000_000);
    expect(most).toBeLessThan(35_000_000);
    expect((await record(world.host, job.id, 3)).outputTail).toHaveLength(3);
  }, 60_000);
});

async function leftovers(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('.'));
}

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
      details: {},
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
      details: { outcome: 'unknown', job: job.id },
    });
  });

  it('was never made when there was no connection: that is told as it is', async () => {
    await using world = await startWorld();
    const refused = toAppError('CONNECTION_REFUSED');
    const host = createJobHost({ connection: { exec: () => Promise.reject(refused) } });
    await expect(host.start(world.job('true'))).rejects.toBe(refused);
  });
});
