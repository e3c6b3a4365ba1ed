// The shell port against a real sshd and a real shell: arguments unharmed, output bounded and in order, nothing left running.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expectFailure } from '../../testing/expect-failure.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { connectTo, describeSshd, startSshd } from '../../testing/sshd.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import { createCapture, createShell, outputTailBytes } from './exec.ts';

async function startShell() {
  const sshd = await startSshd();
  const connection = connectTo(sshd);
  return {
    sshd,
    connection,
    shell: createShell(connection),
    [Symbol.asyncDispose]: async () => {
      await connection[Symbol.asyncDispose]();
      await sshd[Symbol.asyncDispose]();
    },
  };
}

/** A command that tells its process id and then stays. */
function stay({ sshd, shell }: Awaited<ReturnType<typeof startShell>>, body = 'sleep 60') {
  const pidFile = join(sshd.folder, 'pid_of_test');
  return {
    argv: ['sh', '-c', `echo $$ >"$1"; ${body}`, 'sh', pidFile],
    async started() {
      await until(() => existsSync(pidFile));
      // It tells us its process id before: sshd has passed that on once it passes on what comes later.
      await shell.run(['true']);
    },
    async isRunning() {
      const pid = (await readFile(pidFile, 'utf8')).trim();
      return existsSync(`/proc/${pid}`);
    },
  };
}

describeSshd('run()', () => {
  it('hands every argument over unharmed', async () => {
    await using world = await startShell();
    const args = ['', "it's", 'a\nb', '$(reboot)', '-n', '"', '\\', '*', 'ü🚀', '; exit 9'];
    const { exitCode, output } = await world.shell.run(['printf', '<%s>', ...args]);
    expect({ exitCode, output }).toEqual({
      exitCode: 0,
      output: args.map((arg) => `<${arg}>`).join(''),
    });
  });

  it('sets variables for the command alone', async () => {
    await using world = await startShell();
    const env = { DOCKER_HOST: 'unix:///x y', QUOTE: "'" };
    const { output } = await world.shell.run(['sh', '-c', 'echo "$DOCKER_HOST$QUOTE"'], { env });
    expect(output).toBe("unix:///x y'\n");
    expect((await world.shell.run(['sh', '-c', 'echo "<$QUOTE>"'])).output).toBe('<>\n');
    await expect(world.shell.run(['ls'], { env: { 'A;reboot': '' } })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    });
  });

  it('keeps stdout and stderr in the order they were written', async () => {
    await using world = await startShell();
    const script = 'i=0; while [ $i -lt 300 ]; do echo err$i >&2; echo out$i; i=$((i+1)); done';
    const { output } = await world.shell.run(['sh', '-c', script]);
    const lines = Array.from({ length: 300 }, (_, index) => `err${index}\nout${index}\n`);
    expect(output).toBe(lines.join(''));
  });

  it.each([
    ['true', 0],
    ['exit 3', 3],
    ['nosuchcommand', 127],
    ['kill -TERM $$', 128 + 15],
    ['kill -KILL $$', 128 + 9],
  ])('tells how %j ended', async (script, exitCode) => {
    await using world = await startShell();
    expect((await world.shell.run(['sh', '-c', script])).exitCode).toBe(exitCode);
  });

  it('keeps the last 64 KiB of an output, cut between characters', async () => {
    await using world = await startShell();
    const { output } = await world.shell.run([
      'sh',
      '-c',
      'yes äüöß | head -c 2999997; echo; echo end',
    ]);
    expect(Buffer.byteLength(output)).toBeLessThanOrEqual(outputTailBytes);
    expect(Buffer.byteLength(output)).toBeGreaterThan(outputTailBytes - 4);
    expect(output).toMatch(/end\n$/);
    expect(output.slice(0, 100)).not.toContain('\uFFFD');
  });

  it('gives a command that asks for input its end instead of waiting', async () => {
    await using world = await startShell();
    expect(await world.shell.run(['cat'])).toEqual({ exitCode: 0, output: '' });
  });

  it('ends a command at its time limit', async () => {
    await using world = await startShell();
    const { argv, started, isRunning } = stay(world);
    const clock = fakeTimeouts();
    const run = world.shell.run(argv, { timeoutMs: 2_500 });
    const failed = expectFailure(run, 'COMMAND_TIMEOUT');
    await started();
    await clock.pass(2_500);
    await failed;
    await until(() => world.connection.channels.commands === 0);
    expect(await isRunning()).toBe(false);
  });

  it('kills a command that ignores being asked to end', async () => {
    await using world = await startShell();
    const { argv, started, isRunning } = stay(world, 'trap "" TERM; while :; do sleep 0.1; done');
    const clock = fakeTimeouts();
    const failed = expectFailure(world.shell.run(argv, { timeoutMs: 2_500 }), 'COMMAND_TIMEOUT');
    await started();
    await clock.pass(2_500);
    await failed;
    await clock.pass(1_000);
    await until(() => world.connection.channels.commands === 0);
    expect(await isRunning()).toBe(false);
  });

  it("ends a command when its caller leaves, with the caller's own reason", async () => {
    await using world = await startShell();
    const { argv, started, isRunning } = stay(world);
    const leaver = new AbortController();
    const run = world.shell.run(argv, { signal: leaver.signal });
    await started();
    const reason = new Error('left');
    leaver.abort(reason);
    await expect(run).rejects.toBe(reason);
    await until(() => world.connection.channels.commands === 0);
    expect(await isRunning()).toBe(false);
  });

  it('runs more commands than sshd allows sessions, one after the other', async () => {
    await using world = await startShell();
    // That sshd refuses none is not asked: it may free a session a moment after its command has ended.
    const running = join(world.sshd.folder, 'running');
    const script = 'echo 1 >>"$1"; sleep 0.1; echo "$2"; echo -1 >>"$1"';
    const results = await Promise.all(
      Array.from({ length: 25 }, (_, index) =>
        world.shell.run(['sh', '-c', script, 'sh', running, String(index)]),
      ),
    );
    expect(results.map(({ output }) => output.trim())).toEqual(
      results.map((_, index) => String(index)),
    );
    const changes = (await readFile(running, 'utf8')).trim().split('\n').map(Number);
    let count = 0;
    const counts = changes.map((change) => (count += change));
    expect(Math.max(...counts)).toBeLessThanOrEqual(6);
    expect(counts.at(-1)).toBe(0);
    await until(() => world.connection.channels.commands === 0);
  });
});

describeSshd('capture()', () => {
  it('gives bytes as they are, and no more of them than asked for', async () => {
    await using world = await startShell();
    const capture = createCapture(world.connection);
    const argv = ['printf', '\\377\\000a\\nb'];
    const whole = await capture(argv, { timeoutMs: 60_000, maxBytes: 100 });
    expect(whole).toEqual({ exitCode: 0, output: Buffer.from([0xff, 0, 0x61, 0x0a, 0x62]) });
    const cut = await capture(argv, { timeoutMs: 60_000, maxBytes: 2 });
    expect(cut).toEqual({ exitCode: 0, output: Buffer.from([0xff, 0]) });
  });

  it('ends a command at its deadline', async () => {
    await using world = await startShell();
    const { argv, started, isRunning } = stay(world);
    const capture = createCapture(world.connection);
    const clock = fakeTimeouts();
    const call = expectFailure(
      capture(argv, { timeoutMs: 2_500, maxBytes: 100 }),
      'COMMAND_TIMEOUT',
    );
    await started();
    await clock.pass(2_500);
    await call;
    await until(async () => !(await isRunning()));
  });
});
