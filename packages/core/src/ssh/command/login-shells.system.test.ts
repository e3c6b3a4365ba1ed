// Whatever login shell the SSH user has, and whatever its start-up files print: commands run unharmed, or the message says what is in the way.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createJobHost } from '../../jobs-on-vm/jobs-on-vm.ts';
import { expectFailure } from '../../testing/expect-failure.test-support.ts';
import { listProcesses } from '../../testing/processes.test-support.ts';
import {
  connectTo,
  describeSshd,
  type PrivateSshd,
  startSshd,
} from '../../testing/sshd.test-support.ts';
import { addSystemUser, type SystemUserOptions } from '../../testing/system-user.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import type { SshConnectionOptions } from '../connection/connection.ts';
import { createCapture, createShell } from './exec.ts';

const red = '\\033[31m';
/** 6 kB with colours, and no newline at its end. */
const noise = `i=0; while [ $i -lt 400 ]; do i=$((i+1)); printf '${red}%s\\033[0m' "welcome $i"; done; echo oops >&2; printf 'bye'`;

interface LoginShell {
  readonly shell: string;
  /** The file that it reads before a command, and a line for it that prints noise. */
  readonly startUp?: readonly [file: string, line: string];
}

const shells: readonly LoginShell[] = [
  { shell: '/bin/bash', startUp: ['.bashrc', `${noise}\n`] },
  { shell: '/bin/dash' },
  { shell: '/usr/bin/zsh', startUp: ['.zshenv', `${noise}\n`] },
  {
    shell: '/usr/bin/fish',
    startUp: ['.config/fish/config.fish', `sh -c '${noise.replaceAll("'", "\\'")}'\n`],
  },
  {
    shell: '/bin/tcsh',
    startUp: ['.tcshrc', 'repeat 600 echo "welcome 12"\nsh -c "echo oops >&2"\n'],
  },
  { shell: '/bin/csh', startUp: ['.cshrc', 'repeat 600 echo "welcome 12"\n'] },
  { shell: 'busybox' },
];

describeSshd('the login shell', () => {
  let sshd: PrivateSshd;
  beforeAll(async () => {
    // A level at which bash reads its start-up file.
    sshd = await startSshd({ env: () => ({ SHLVL: '0' }) });
    await symlink('/bin/busybox', join(sshd.folder, 'sh'));
  });
  afterAll(() => sshd[Symbol.asyncDispose]());

  async function logIn(user: SystemUserOptions, options: Partial<SshConnectionOptions> = {}) {
    const { name, home, ...added } = await addSystemUser(sshd, user);
    const connection = connectTo(sshd, { username: name, ...options });
    return {
      name,
      home,
      connection,
      shell: createShell(connection),
      async [Symbol.asyncDispose]() {
        await connection[Symbol.asyncDispose]();
        await added[Symbol.asyncDispose]();
      },
    };
  }

  const isThere = ({ shell }: LoginShell) => shell === 'busybox' || existsSync(shell);
  const rows = shells.filter(isThere).flatMap(({ shell, startUp }) => {
    const path = shell === 'busybox' ? '' : shell;
    const plain = { name: shell, user: () => ({ shell: path || join(sshd.folder, 'sh') }) };
    if (startUp === undefined) return [plain];
    const [file, line] = startUp;
    return [
      plain,
      { name: `${shell} with a noisy ${file}`, user: () => ({ shell, files: { [file]: line } }) },
    ];
  });

  describe.each(rows)('$name', ({ user }) => {
    let vm: Awaited<ReturnType<typeof logIn>>;
    beforeAll(async () => {
      vm = await logIn(user());
    });
    afterAll(() => vm[Symbol.asyncDispose]());

    it('runs commands with their arguments unharmed', async () => {
      const args = ['', "it's", 'a\nb', '$(reboot)', '-n', '"', '\\', '*', 'ü🚀', '!!', '; exit 9'];
      expect(await vm.shell.run(['printf', '<%s>', ...args])).toEqual({
        exitCode: 0,
        output: args.map((arg) => `<${arg}>`).join(''),
      });
      const env = { VALUE: "it's\n!" };
      const script = 'printf %s "$VALUE"; echo err >&2; exit 7';
      expect(await vm.shell.run(['sh', '-c', script], { env })).toEqual({
        exitCode: 7,
        output: "it's\n!err\n",
      });
      const binary = await createCapture(vm.connection)(['printf', '\\377\\000'], {
        timeoutMs: 60_000,
        maxBytes: 100,
      });
      expect(binary.output).toEqual(Buffer.from([0xff, 0]));
    });

    it('carries a stream', async () => {
      const stream = await vm.connection.openCommand(['cat']);
      stream.end('to and\n fro');
      expect((await stream.toArray()).join('')).toBe('to and\n fro');
      const failing = await vm.connection.openCommand([
        'sh',
        '-c',
        'echo permission denied >&2; exit 1',
      ]);
      const error = await expectFailure(failing.toArray(), 'PERMISSION_DENIED');
      expect(error.cause).toMatchObject({ message: 'permission denied' });
      await until(() => vm.connection.channels.commands === 0);
    });

    it('ends a command that is stopped, with its children', async () => {
      const command = await vm.connection.exec(['sh', '-c', 'echo $$ >pid; sleep 600; true']);
      const file = join(vm.home, 'pid');
      await until(() => existsSync(file));
      command.stop();
      expect(await command.exit).toBeGreaterThan(128);
      const pid = (await readFile(file, 'utf8')).trim();
      await until(() => !listGroups().includes(pid));
    });

    it('starts and reads jobs', async () => {
      const host = createJobHost({ connection: vm.connection });
      const id = '20260208T101500Z-00000000';
      const job = { id, kind: 'rebuild', target: 'web', lock: 'x', env: {} } as const;
      await host.start({ ...job, argv: ['printf', '%s', "done, it's!"] });
      let output = '';
      for (let done = false; !done; ) {
        const [reading] = await host.read([{ id, offset: output.length }], { waitMs: 1_000 });
        output += Buffer.from(reading?.bytes ?? []).toString();
        done = reading?.done ?? true;
      }
      expect(output).toBe("done, it's!");
    });
  });

  const refusingShells: readonly (readonly [shell: string, message: RegExp])[] = [
    ['/usr/sbin/nologin', /login shell is nologin.*Nothing was started.*usermod -s/],
    ['/bin/false', /ended at once without a word, as \/bin\/false does.*usermod -s/],
    ['/bin/rbash', /restricted one \(such as rbash\).*usermod -s/],
    // It comes with git itself.
    ['/usr/bin/git-shell', /git-shell, which runs git alone.*usermod -s/],
  ];
  it.each(refusingShells.filter(([shell]) => existsSync(shell)))(
    '%s is named as what is in the way',
    async (shell, message) => {
      await using vm = await logIn({ shell });
      const error = await expectFailure(vm.shell.run(['ls']), 'SHELL_UNUSABLE');
      expect(error.message).toMatch(message);
      expect(error.message).toContain(vm.name);
      const ofStream = await expectFailure(vm.connection.openCommand(['cat']), 'SHELL_UNUSABLE');
      expect(ofStream.message).toBe(error.message);
      await until(() => vm.connection.channels.commands === 0);
    },
  );

  it.each([
    ['exit', '.bashrc', 'echo hello; exit 0\n'],
    ['exec of another shell', '.bashrc', 'exec dash\n'],
  ])('a start-up file with %s is told, and nothing runs', async (_what, file, text) => {
    await using vm = await logIn({ shell: '/bin/bash', files: { [file]: text } });
    const error = await expectFailure(vm.shell.run(['touch', 'ran']), 'SHELL_UNUSABLE');
    expect(error.message).toMatch(/start-up file/);
    expect(existsSync(join(vm.home, 'ran'))).toBe(false);
  });

  it('a start-up file that hangs is told, and nothing runs', async () => {
    const files = { '.bashrc': 'sleep 600\n' };
    await using vm = await logIn({ shell: '/bin/bash', files }, { startTimeoutMs: 300 });
    const error = await expectFailure(vm.shell.run(['touch', 'ran']), 'SHELL_TIMEOUT');
    expect(error.message).toMatch(/start-up file.*may hang/);
    await expectFailure(vm.connection.openCommand(['cat']), 'SHELL_TIMEOUT');
    expect(existsSync(join(vm.home, 'ran'))).toBe(false);
  });

  it('a PATH without sh is told', async () => {
    const files = { '.zshenv': 'PATH=/nowhere\n' };
    await using vm = await logIn({ shell: '/usr/bin/zsh', files });
    const error = await expectFailure(vm.shell.run(['ls']), 'SHELL_UNUSABLE');
    expect(error.message).toMatch(/no 'sh' in its PATH/);
  });
});

describeSshd('a password that sshd wants changed', () => {
  it.each([
    ['because it is too old', ['-M', '1', '-d', '2000-01-01']],
    ['because an administrator says so', ['-d', '0']],
  ])('%s is reported, and doing what the message says repairs it', async (_what, expiry) => {
    await using sshd = await startSshd({ config: ['UsePAM yes'] });
    await using user = await addSystemUser(sshd, { shell: '/bin/bash' });
    execFileSync('chage', [...expiry, user.name]);
    await using refused = connectTo(sshd, { username: user.name });
    const run = createShell(refused).run(['touch', 'ran']);
    const error = await expectFailure(run, 'SHELL_UNUSABLE');
    expect(error.message).toMatch(/password has expired.*Nothing was started/);
    await expectFailure(refused.openCommand(['cat']), 'SHELL_UNUSABLE');
    expect(existsSync(join(user.home, 'ran'))).toBe(false);
    const [, remedy = ''] = /sudo (chage [^.]+)\./.exec(error.message) ?? [];
    execFileSync('sh', ['-c', remedy]);
    await using repaired = connectTo(sshd, { username: user.name });
    expect((await createShell(repaired).run(['echo', 'well'])).output).toBe('well\n');
  });
});

describeSshd('a forced command', () => {
  it.each([
    ['that says something', 'echo hello', /forced command.*Nothing was started/],
    ['that says nothing', '/bin/false', /forced command/],
    ['that succeeds', '/bin/true', /forced command/],
    ['that reads its input', 'cat', /forced command/],
    ['that runs its input', 'bash', /forced command/],
    ['that repeats our line', 'echo $SSH_ORIGINAL_COMMAND', /forced command/],
    ['for SFTP', 'internal-sftp', /forced command/],
    [
      'of which SFTP is all',
      'echo This service allows sftp connections only.; exit 1',
      /SFTP alone/,
    ],
  ])('%s is told at once, and nothing runs', async (_what, command, message) => {
    await using sshd = await startSshd();
    await forceCommand(sshd, command);
    await using connection = connectTo(sshd);
    const file = join(sshd.folder, 'ran');
    const run = createShell(connection).run(['touch', file]);
    const error = await expectFailure(run, 'SHELL_UNUSABLE');
    expect(error.message).toMatch(message);
    expect(error.message).toContain('authorized_keys');
    expect(existsSync(file)).toBe(false);
    await until(() => connection.channels.commands === 0);
  });

  it('that never ends is told, and gone from the next login on once it is taken away', async () => {
    await using sshd = await startSshd();
    const pids = join(sshd.folder, 'pids');
    const restore = await forceCommand(sshd, `echo $$ >>${pids}; exec sleep 600`);
    let nowMs = 0;
    await using connection = connectTo(sshd, { startTimeoutMs: 300, nowMs: () => nowMs });
    const shell = createShell(connection);
    const error = await expectFailure(shell.run(['ls']), 'SHELL_TIMEOUT');
    expect(error.message).toMatch(/forced command.*authorized_keys/);
    await restore();
    await expectFailure(shell.run(['ls']), 'SHELL_TIMEOUT');
    nowMs += 10_000;
    await expectFailure(shell.run(['ls']), 'SHELL_TIMEOUT');
    await until(() => !connection.connected);
    await using repaired = connectTo(sshd);
    expect((await createShell(repaired).run(['echo', 'well'])).output).toBe('well\n');
    for (const pid of (await readFile(pids, 'utf8')).trim().split('\n')) process.kill(Number(pid));
  });

  it('is gone from the next login on once it is taken away, while streams that are open go on', async () => {
    await using sshd = await startSshd();
    const path = join(sshd.folder, 'echo.sock');
    const echo = createServer((socket) => socket.pipe(socket)).listen(path);
    const restore = await forceCommand(sshd, '/bin/false');
    let nowMs = 0;
    await using connection = connectTo(sshd, { nowMs: () => nowMs });
    const stream = await connection.openSocket(path);
    const shell = createShell(connection);
    await expectFailure(shell.run(['ls']), 'SHELL_UNUSABLE');
    await restore();
    await expectFailure(shell.run(['ls']), 'SHELL_UNUSABLE');
    nowMs += 10_000;
    await expectFailure(shell.run(['ls']), 'SHELL_UNUSABLE');
    expect((await shell.run(['echo', 'well'])).output).toBe('well\n');
    expect(connection.generation).toBe(2);
    stream.end('still open');
    expect((await stream.toArray()).join('')).toBe('still open');
    await until(() => countSessions(sshd) === 1);
    echo.close();
  });

  it('that runs what was asked for is in nobody’s way', async () => {
    await using sshd = await startSshd();
    await forceCommand(sshd, 'echo logged; eval \\"$SSH_ORIGINAL_COMMAND\\"');
    await using connection = connectTo(sshd);
    const { output } = await createShell(connection).run(['echo', "it's"]);
    expect(output).toBe("it's\n");
  });
});

/** The process groups with a process that has not ended. */
function listGroups(): string[] {
  return listProcesses()
    .filter(({ state }) => state !== 'Z')
    .map(({ group }) => String(group));
}

async function forceCommand({ privateKeyFile }: PrivateSshd, command: string) {
  const file = `${privateKeyFile}.pub`;
  const text = await readFile(file, 'utf8');
  await writeFile(file, `command="${command}" ${text}`);
  return () => writeFile(file, text);
}

function countSessions(sshd: PrivateSshd): number {
  const count = (pattern: RegExp) => sshd.log().match(pattern)?.length ?? 0;
  return count(/Accepted publickey/g) - count(/Disconnected from user/g);
}
