// The same on a real VM: what its own sshd, shells and dockerd make of the mistakes of a set-up.

import { chmod, chown, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Sandbox, startSandbox } from '@ondemand/sandbox';
import { checkAll, readConfiguration } from '@ondemand/server';
import { beforeAll, expect, test } from 'vitest';
import { describeRealEngine } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { openSuite } from '../support/disposer.ts';

/** What stands for OCI and the VM is as slow as a busy machine makes it. */
const longDeadlines = {
  HOME: '/nonexistent',
  OCI_TIMEOUT_SECONDS: '60',
  SSH_CONNECT_TIMEOUT_SECONDS: '60',
};

interface Mistake {
  readonly env?: () => Readonly<Record<string, string>>;
  /** Gives what makes it as it was. */
  readonly spoil?: () => Promise<() => Promise<unknown>>;
  readonly check: string;
  readonly says: readonly RegExp[];
}

describeRealEngine('a diagnosis of a real VM', () => {
  let vm: RealVm;
  let sandbox: Sandbox;
  beforeAll(() =>
    openSuite(async (opened) => {
      vm = opened.use(await startRealVm());
      sandbox = opened.use(await startSandbox());
    }),
  );

  async function diagnose(env: Readonly<Record<string, string>> = {}) {
    const process = { ...longDeadlines, ...sandbox.env, ...vm.env, ...env };
    return checkAll(await readConfiguration(process, undefined));
  }

  /** Of the VM's own /etc. */
  async function replaceLine(name: string, pattern: RegExp, line: string) {
    const path = join(dirname(vm.home), 'etc', name);
    const before = await readFile(path, 'utf8');
    await writeFile(path, before.replace(pattern, line));
    return () => writeFile(path, before);
  }

  const mistakes: Readonly<Record<string, Mistake>> = {
    'the key of somebody else': {
      env: () => ({ SSH_PRIVATE_KEY_FILE: vm.sshd.unknownKeyFile }),
      check: 'login',
      says: [/opc@127\.0\.0\.1:\d+ with the key SHA256:/, /authorized_keys/, /SSH_USER/],
    },
    'a user who is not there': {
      env: () => ({ SSH_USER: 'ubuntu' }),
      check: 'login',
      says: [/ubuntu@127\.0\.0\.1/, /SSH_USER exists there/],
    },
    'a wrong fingerprint': {
      env: () => ({ SSH_HOST_KEY_FINGERPRINT: `SHA256:${'A'.repeat(43)}` }),
      check: 'host-key',
      says: [/SSH_HOST_KEY_FINGERPRINT/, /ssh-keyscan -p \d+ 127\.0\.0\.1/],
    },
    'a login shell that lets nobody in': {
      spoil: () => replaceLine('passwd', /^(opc:.*):\S+$/m, '$1:/usr/sbin/nologin'),
      check: 'shell',
      says: [/login shell is nologin/, /usermod -s \/bin\/bash opc/],
    },
    'a user without the group docker': {
      spoil: () => replaceLine('group', /^docker:.*$/m, 'docker:x:998:'),
      check: 'socket',
      says: [/permission denied: the SSH user 'opc'/, /sudo usermod -aG docker opc/],
    },
    'a socket that its group may not use': {
      spoil: async () => {
        await chmod(vm.dockerSocket, 0o600);
        return () => chmod(vm.dockerSocket, 0o660);
      },
      check: 'socket',
      says: [/nor may its group 'docker', because of the socket's mode/, /chmod g\+rw/],
    },
    'a DOCKER_SOCKET that is somewhere else': {
      env: () => ({ DOCKER_SOCKET: '/run/elsewhere.sock' }),
      check: 'socket',
      says: [/no such file as DOCKER_SOCKET/],
    },
    'a dockerd that has crashed': {
      spoil: async () => {
        await vm.engine.kill();
        return () => vm.engine.start();
      },
      check: 'docker',
      says: [/nothing listens on its socket/, /systemctl start docker/],
    },
    'a folder of jobs that belongs to somebody else': {
      spoil: async () => {
        const state = join(vm.home, '.local/state');
        await mkdir(state, { recursive: true });
        await mkdir(join(state, 'ondemand'), { recursive: true });
        await Promise.all(
          [dirname(state), state].map((path) => chown(path, vm.user.id, vm.user.id)),
        );
        await chown(join(state, 'ondemand'), 0, 0);
        return () => rm(join(vm.home, '.local'), { recursive: true });
      },
      check: 'job-folder',
      says: [/folder for jobs cannot be made/, /home folder of the SSH user/],
    },
    'a link in place of that folder': {
      spoil: async () => {
        const state = join(vm.home, '.local/state');
        await mkdir(state, { recursive: true });
        await symlink('/tmp', join(state, 'ondemand'));
        return () => rm(join(vm.home, '.local'), { recursive: true });
      },
      check: 'job-folder',
      says: [/folder for jobs cannot be made/],
    },
    'a port that is closed': {
      spoil: async () => {
        await vm.sshd.stopListening();
        return () => vm.sshd.restart();
      },
      check: 'tcp',
      says: [/at 127\.0\.0\.1:\d+, nothing listens on its SSH port/, /SSH_PORT/],
    },
    'a host key that has changed': {
      spoil: async () => {
        await vm.sshd.changeHostKey();
        await vm.sshd.restart();
        return async () => {};
      },
      check: 'host-key',
      says: [/its host key has changed/, /SSH_KNOWN_HOSTS_FILE/],
    },
  };

  test('which is as docs/getting-started.md asks for it finds nothing wrong', async () => {
    const { checks } = await diagnose();
    expect(checks.filter(({ status }) => status !== 'ok')).toEqual([]);
    // Its connection was registered as one of the API, and is so no longer.
    expect(await readdir(join(vm.home, '.local/state/ondemand/idle'))).toEqual([]);
    await rm(join(vm.home, '.local'), { recursive: true });
  });

  test.each(Object.entries(mistakes))('finds %s', async (_what, { env, spoil, check, says }) => {
    const repair = await spoil?.();
    try {
      const { checks } = await diagnose(env?.());
      const [first] = checks.filter(({ status }) => status === 'failed');
      expect(first).toMatchObject({ name: check });
      for (const words of says) expect(first?.message).toMatch(words);
    } finally {
      await repair?.();
    }
  });
});
