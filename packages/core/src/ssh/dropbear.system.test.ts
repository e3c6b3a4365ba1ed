// Dropbear in place of OpenSSH, as on a NAS or a router: all but forwarding to sockets works, and its refusals are told.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type Dropbear,
  describeDropbear,
  letIn,
  startDropbear,
} from '../testing/dropbear.test-support.ts';
import { expectFailure } from '../testing/expect-failure.test-support.ts';
import { listProcesses } from '../testing/processes.test-support.ts';
import { connectTo, type PrivateSshd, startSshd } from '../testing/sshd.test-support.ts';
import { addSystemUser } from '../testing/system-user.test-support.ts';
import { until } from '../testing/until.test-support.ts';
import { createShell } from './command/exec.ts';

describeDropbear('Dropbear', () => {
  let sshd: PrivateSshd;
  let dropbear: Dropbear;
  let ourKey = '';
  beforeAll(async () => {
    sshd = await startSshd();
    dropbear = await startDropbear(sshd);
    ourKey = await readFile(`${sshd.privateKeyFile}.pub`, 'utf8');
  });
  afterAll(async () => {
    await dropbear[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
  });

  async function logIn({ shell = '/bin/sh', keys = ourKey, server = dropbear } = {}) {
    const user = await addSystemUser(sshd, { shell });
    await letIn(user, keys);
    const connection = connectTo(sshd, { username: user.name, ...server.options });
    return {
      ...user,
      connection,
      shell: createShell(connection),
      async [Symbol.asyncDispose]() {
        await connection[Symbol.asyncDispose]();
        await user[Symbol.asyncDispose]();
      },
    };
  }

  it('runs commands, carries a stream, and says that it forwards to no socket', async () => {
    await using vm = await logIn();
    expect(await vm.shell.run(['sh', '-c', 'echo "$1"; exit 7', 'sh', "it's"])).toEqual({
      exitCode: 7,
      output: "it's\n",
    });
    const stream = await vm.connection.openCommand(['cat']);
    stream.end('to and fro');
    expect((await stream.toArray()).join('')).toBe('to and fro');
    await expectFailure(vm.connection.openSocket('/run/docker.sock'), 'FORWARDING_UNSUPPORTED');
  });

  // Without a process group of its own: its children end with its pipes.
  it('ends a command that is stopped', async () => {
    await using vm = await logIn();
    const command = await vm.connection.exec(['sh', '-c', 'echo $$ >pid; exec sleep 600']);
    const file = join(vm.home, 'pid');
    await until(() => existsSync(file));
    command.stop();
    await command.exit.catch(() => {});
    const pid = (await readFile(file, 'utf8')).trim();
    // One that has ended may stay as a zombie where nobody collects it.
    const isRunning = () =>
      listProcesses().some((each) => each.pid === Number(pid) && each.state !== 'Z');
    await until(() => !isRunning());
  });

  it('with a forced command is told as that', async () => {
    await using vm = await logIn({ keys: `command="echo welcome" ${ourKey}` });
    const error = await expectFailure(vm.shell.run(['touch', 'ran']), 'SHELL_UNUSABLE');
    expect(error.message).toMatch(/forced command.*Nothing was started/);
  });

  it.each([
    ['an unknown key', { keys: '' }],
    ['a shell that /etc/shells does not list', { shell: '/usr/bin/git-shell' }],
  ])('refuses %s without a reason, which the message leaves open', async (_what, user) => {
    await using vm = await logIn(user);
    const error = await expectFailure(vm.shell.run(['true']), 'AUTH_REJECTED');
    expect(error.message).toMatch(
      /does not say why.*Dropbear, a login shell that is valid.*authorized_keys/,
    );
    expect(error.message).toContain(`${vm.name}@127.0.0.1:${dropbear.options.port} with the key`);
  });

  it('that wants a password after the key is told as that', async () => {
    await using server = await startDropbear(sshd, ['-t']);
    await using vm = await logIn({ server });
    const error = await expectFailure(vm.shell.run(['true']), 'AUTH_INCOMPLETE');
    expect(error.message).toMatch(/accepted the key.*second factor \(a password\)/);
  });
});
