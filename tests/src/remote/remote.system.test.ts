// ssh, exec, cp, port-forward and run against a real engine behind a real sshd.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IdleVerdict } from '@ondemand/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { baseImage } from '../real-engine/base-image.ts';
import { listChildren, signalPid } from '../real-engine/process-tree.ts';
import { describeRealEngine, findTool, requireTool } from '../real-engine/real-engine-problem.ts';
import { until } from '../support/until.ts';
import { type RemoteWorld, startRemoteWorld } from './start-remote-world.ts';

describeRealEngine('commands on the VM', () => {
  let world: RemoteWorld;
  beforeAll(async () => {
    world = await startRemoteWorld();
    const { docker } = world.vm;
    const start = (name: string, ...more: string[]) =>
      docker('run', '--detach', '--init', '--name', name, ...more, baseImage, 'sleep', '100000');
    await Promise.all([
      docker(
        ...['run', '--detach', '--init', '--name', 'web', baseImage, 'sh', '-c'],
        'mkdir /www; exec httpd -f -p 80 -h /www',
      ),
      start('hosted', '--network', 'host'),
      start('lonely', '--network', 'none'),
      docker('create', '--name', 'spare', baseImage, 'true'),
    ]);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  /** So many that were ended so far; `GET /vm/idle` would measure all containers first. */
  const endedLeases = (): number => {
    const lines = world.app.server.logs().flatMap(({ audit }) => JSON.stringify(audit ?? ''));
    return lines.filter((line) => /"vm_releaseLease".*"outcome":"success"/.test(line)).length;
  };
  const bytes = (size: number) =>
    Buffer.from(Array.from({ length: size }, (_, index) => (index * 7919) % 251));

  test('ssh runs a command with its arguments, its streams and its exit code', async () => {
    const odd = ["a 'b'", '$HOME', '', '-x', 'line 1\nline 2', '\\', '!'];
    const line = 'cat | tr a-z A-Z; echo no >&2; exit 7';
    const [many, one] = await Promise.all([
      world.ondemand(['ssh', '--', 'printf', '[%s]', ...odd]),
      world.ondemand(['ssh', '--', line], { input: 'in\n' }),
    ]);
    const stdout = odd.map((each) => `[${each}]`).join('');
    expect(many).toEqual({ exitCode: 0, stdout, stderr: '' });
    expect(one).toEqual({ exitCode: 7, stdout: 'IN\n', stderr: 'no\n' });
  });

  test('exec ends with the exit code of the command', async () => {
    const odd = ["it's", '$PATH', '*', ' ', '', '-l', 'a\nb', '`id`', '"'];
    const options = ['-e', 'A=1 2', '-e', 'B', '-w', '/www', '-u', '1:1'];
    const script = 'pwd; id -u; echo "$A"; printf "[%s]" "$@"';
    const id = (await world.vm.inspect('web')).Id.slice(0, 12);
    const [seven, many, shell] = await Promise.all([
      world.ondemand(['exec', 'web', '--', 'sh', '-c', 'exit 7']),
      world.ondemand(['exec', ...options, 'web', '--', 'sh', '-c', script, 'sh', ...odd]),
      world.ondemand(['exec', id], { input: 'hostname; exit 3\n' }),
    ]);
    expect(seven).toEqual({ exitCode: 7, stdout: '', stderr: '' });
    const stdout = `/www\n1\n1 2\n${odd.map((each) => `[${each}]`).join('')}`;
    expect(many).toEqual({ exitCode: 0, stdout, stderr: '' });
    expect(shell).toEqual({ exitCode: 3, stdout: `${id}\n`, stderr: '' });
  });

  test('exec in what is not there, and in what does not run, says so', async () => {
    const [missing, spare] = await Promise.all(
      ['wbe', 'spare'].map((name) => world.ondemand(['exec', name, '--', 'true'])),
    );
    expect(missing).toMatchObject({ exitCode: 4, stdout: '' });
    expect(missing?.stderr).toMatch(/^ondemand: No container named 'wbe'.*\n$/);
    expect(spare).toMatchObject({ exitCode: 5, stdout: '' });
    expect(spare?.stderr).toMatch(/^ondemand: .*not running \(created\).*ondemand start spare\n$/);
  });

  test('a file goes through cp both ways unchanged', async () => {
    const { folder } = world;
    await writeFile(join(folder, 'whole'), bytes(300_000));
    await chmod(join(folder, 'whole'), 0o751);
    const copy = (...args: string[]) => world.ondemand(['cp', ...args]);
    const done = { exitCode: 0, stdout: '', stderr: '' };
    expect(await copy('whole', 'web:/tmp/copied file')).toEqual(done);
    expect(await copy('web:/tmp/copied file', 'back')).toEqual(done);
    expect(await readFile(join(folder, 'back'))).toEqual(bytes(300_000));
    expect((await stat(join(folder, 'back'))).mode & 0o777).toBe(0o751);
    expect(Math.floor((await stat(join(folder, 'back'))).mtimeMs / 1000)).toBe(
      Math.floor((await stat(join(folder, 'whole'))).mtimeMs / 1000),
    );
    const [stopped, onto, missing] = await Promise.all([
      copy('whole', 'spare:/tmp'), // into a folder, of one that does not run
      copy('web:/bin', 'back'),
      copy('web:/nowhere', 'x'),
    ]);
    expect(stopped).toEqual(done);
    expect(await world.vm.docker('cp', 'spare:/tmp/whole', '-')).toContain('whole');
    expect(onto).toMatchObject({ exitCode: 1, stdout: '' });
    expect(onto.stderr).toMatch(
      /^ondemand: The folder \/bin cannot be copied onto .*\/back, .*\n$/,
    );
    expect(missing).toMatchObject({ exitCode: 4, stdout: '' });
    expect(missing.stderr).toContain('/nowhere');
  });

  test('folders go through cp as docker cp has it', async () => {
    const { folder, vm } = world;
    const source = join(folder, 'site');
    await mkdir(join(source, 'in'), { recursive: true });
    await Promise.all([
      writeFile(join(source, 'in/page'), 'page\n'),
      symlink('in/page', join(source, 'link')),
      symlink('/nowhere/else', join(source, 'loose')),
    ]);
    const copy = async (...args: string[]) => {
      const result = await world.ondemand(['cp', ...args]);
      expect({ args, ...result }).toEqual({ args, exitCode: 0, stdout: '', stderr: '' });
    };
    const list = async (path: string) =>
      (await vm.docker('exec', 'web', 'find', path)).trim().split('\n').sort();
    await Promise.all([
      copy('site', 'web:/one'),
      copy('site', 'web:/tmp'),
      copy('site/.', 'web:/www'),
    ]);
    await vm.docker('exec', 'web', 'ln', '-s', 'www/led', '/led');
    await writeFile(join(folder, 'led'), 'led\n');
    await copy('led', 'web:/led'); // to where it leads
    expect(await vm.docker('exec', 'web', 'cat', '/www/led')).toBe('led\n');
    const below = ['', '/in', '/in/page', '/link', '/loose'];
    expect(await list('/one')).toEqual(below.map((each) => `/one${each}`));
    expect(await list('/tmp/site')).toEqual(below.map((each) => `/tmp/site${each}`));
    expect(await vm.docker('exec', 'web', 'cat', '/www/link')).toBe('page\n');
    expect(await vm.docker('exec', 'web', 'stat', '-c', '%u:%g', '/www/in')).toBe('0:0\n');
    await mkdir(join(folder, 'there'));
    const [archive] = await Promise.all([
      world.ondemand(['cp', 'web:/one/in/page', '-']),
      copy('web:/one', 'down'),
      copy('web:/one', 'there'),
      copy('web:/one/in/.', 'there'),
    ]);
    expect(archive.stdout.slice(0, 4)).toBe('page');
    expect((await readdir(join(folder, 'down'))).sort()).toEqual(['in', 'link', 'loose']);
    expect((await readdir(join(folder, 'there'))).sort()).toEqual(['one', 'page']);
    expect(await readFile(join(folder, 'down/link'), 'utf8')).toBe('page\n');
  });

  test('port-forward carries 100 MB unchanged, and ends with Ctrl-C', async () => {
    const tenth = '/tmp/tenth';
    const script = [
      `head -c 10000000 /dev/urandom > ${tenth}`,
      `cat ${Array(10).fill(tenth).join(' ')} > /www/big`,
      // The other sums of busybox take three times as long.
      'md5sum < /www/big',
    ].join('; ');
    const expected = (await world.vm.docker('exec', 'web', 'sh', '-c', script)).split(' ')[0];
    const fast = ['-o', 'Ciphers=aes128-gcm@openssh.com']; // for the sake of the test's time
    const child = world.start(['port-forward', ...fast, 'web', '0:80']);
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    const ended = once(child, 'close');
    const [, port] = await until('the port to be forwarded', () =>
      /^Forwarding 127\.0\.0\.1:(\d+) -> web:80\n$/.exec(output),
    );
    const hash = createHash('md5');
    const answer = await fetch(`http://127.0.0.1:${port}/big`);
    for await (const chunk of answer.body ?? []) hash.update(chunk);
    expect(hash.digest('hex')).toBe(expected);
    const taken = await world.ondemand(['port-forward', 'web', `${port}:80`]);
    expect(taken).toMatchObject({ exitCode: 5, stdout: '' });
    expect(taken.stderr).toContain(`127.0.0.1:${port} cannot be listened on`);
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
  });

  test('port-forward to a container without an address of its own', async () => {
    const lonely = await world.ondemand(['port-forward', 'lonely', '80']);
    expect(lonely).toMatchObject({ exitCode: 1, stdout: '' });
    expect(lonely.stderr).toContain('has no network');
    await world.vm.docker(
      ...['exec', '--detach', 'hosted', 'sh', '-c'],
      'mkdir -p /www; echo hello > /www/index.html; exec httpd -f -p 8099 -h /www',
    );
    const child = world.start(['port-forward', 'hosted', '0:8099', '--json']);
    const ended = once(child, 'close');
    const [line] = await once(child.stdout ?? child, 'data');
    const { address, port } = JSON.parse(String(line));
    const answer = await until('an answer', () => fetch(`http://${address}:${port}/`));
    expect(await answer.text()).toBe('hello\n');
    child.kill('SIGTERM');
    expect(await ended).toEqual([143, null]);
  });

  test('run holds a lease that ends by itself where it is killed', async () => {
    const child = world.start(['run', '--', 'sleep', '60']);
    const ended = once(child, 'exit'); // what it ran keeps its streams open
    const sleeping = await until(
      'its command',
      async () => (await listChildren(child.pid ?? 0))[0],
    );
    child.kill('SIGKILL');
    await ended;
    signalPid(sleeping, 'SIGKILL');
    const held = (await world.app.getJson<IdleVerdict>('/vm/idle')).leases;
    expect(held.map(({ reason }) => reason)).toEqual(['ondemand run sleep']);
    for (const { id, createdAt, expiresAt } of held) {
      expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(5 * 60_000);
      await world.app.request('DELETE', `/vm/leases/${id}`);
    }
  });

  const why = findTool('rsync') === undefined ? ' [skipped: rsync is not installed]' : '';
  const title = `rsync and docker -H ssh:// go through the printed configuration${why}`;
  test.skipIf(why !== '')(title, async () => {
    const { folder, vm } = world;
    const file = join(folder, 'an entry');
    const written = await world.ondemand(['ssh', '--config', '--file', file]);
    expect(written).toMatchObject({ exitCode: 0, stdout: `${file}\n` });
    const entry = await readFile(file, 'utf8');
    expect(entry).not.toContain(world.app.tokens.admin);
    expect((await world.ondemand(['ssh', '--config'])).stdout).toBe(entry);
    await writeFile(join(folder, 'sent'), bytes(100_000));
    const before = endedLeases();
    const options = ['-e', `ssh -F '${file}'`];
    expect(await world.run(['rsync', '-a', ...options, 'sent', 'oci-flex:got'])).toMatchObject({
      exitCode: 0,
    });
    expect(await readFile(join(vm.home, 'got'))).toEqual(bytes(100_000));
    const docker = [requireTool('docker'), '-H', 'ssh://oci-flex', 'ps', '--format', '{{.Names}}'];
    const names = await world.run(docker, { SSH_TEST_CONFIG: file });
    expect(names.stdout.split('\n')).toContain('web');
    await until('the leases of both to end', () => endedLeases() >= before + 2);
    await writeFile(file, 'Host mine\n');
    expect(await world.ondemand(['ssh', '--config', '--file', file])).toMatchObject({
      exitCode: 1,
      stdout: '',
    });
    expect(await readFile(file, 'utf8')).toBe('Host mine\n');
  });

  test("a changed host key stops all of them with the API's own words", async () => {
    const { vm, gate } = world;
    await vm.sshd.changeHostKey();
    const refusal = await world.ondemand(['ssh', '--', 'echo', 'in']);
    expect(refusal).toMatchObject({ exitCode: 255, stdout: '' });
    expect(refusal.stderr).toContain('another host key than the one that the API accepted');
    await gate.drop();
    const commands = [
      ['ssh', '--', 'true'],
      ['ssh', '--proxy'],
      ['exec', 'web', '--', 'true'],
      ['cp', 'web:/etc/passwd', 'never'],
      ['port-forward', 'web', '0:80'],
      ['run', '--', 'touch', 'never'],
      ['run', '--wake', '--', 'touch', 'never'],
    ];
    const results = await Promise.all(commands.map((command) => world.ondemand(command)));
    for (const [index, result] of results.entries()) {
      const command = commands[index];
      expect({ command, ...result }).toMatchObject({ command, exitCode: 6, stdout: '' });
      expect(result.stderr).toMatch(/^ondemand: .*its host key is not the pinned one.*\n$/m);
    }
    expect(await readdir(world.folder)).not.toContain('never');
  });
});
