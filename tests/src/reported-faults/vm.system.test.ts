// What stands between the API and Docker on a real VM: login shells, start-up files, logins and accounts; and what Docker itself refuses.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContainerActionResult, ContainerLogs, Job } from '@ondemand/core';
import { type Sandbox, startSandbox } from '@ondemand/sandbox';
import { beforeAll, expect, test } from 'vitest';
import { baseImage } from '../real-engine/base-image.ts';
import { describeRealEngine } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { openSuite } from '../support/disposer.ts';
import { expectApiError } from '../support/expect-api-error.ts';
import { runOk } from '../support/run.ts';
import { startServerHere } from '../support/start-api-in-this-process.ts';
import type { Environment } from '../support/start-api-process.ts';
import { type App, createCaller } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { createProject } from './compose-folder.ts';
import { report } from './reports.ts';

interface ApiError {
  readonly details?: { readonly reason?: string };
}
type Api = Pick<App, 'get' | 'post' | 'postJson' | 'getJson'>;

describeRealEngine('a real VM', () => {
  let vm: RealVm;
  let sandbox: Sandbox;
  let tokens: App['tokens'];
  let api: Api;
  beforeAll(() =>
    openSuite(async (opened) => {
      sandbox = opened.use(await startSandbox());
      vm = opened.use(await startRealVm());
      const [read, admin] = await Promise.all([sandbox.tokens.read(), sandbox.tokens.admin()]);
      tokens = { read, admin };
      api = opened.use(await logIn());
      const project = await createProject(vm, 'small');
      await project.write('compose.yml', { web: { ...project.plain(), container_name: 'small' } });
      await project.compose(['up', '-d']);
    }),
  );

  /** An API of its own, which logs in again. */
  async function logIn(env: Environment = {}): Promise<Api & AsyncDisposable> {
    const server = await startServerHere({ ...sandbox.env, ...vm.env, ...env });
    return {
      ...createCaller(server.url, tokens),
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }

  /** The same API logs in again, too, where the old connection is gone. */
  async function logInAgain(config?: readonly string[]): Promise<void> {
    await vm.sshd.restart(config);
    await expect.poll(async () => (await api.get('/containers')).status).toBe(200);
  }

  /** Changes one of the VM's accounts files until it is disposed of; sshd reads them at each login. */
  async function edit(file: 'passwd' | 'group', change: (text: string) => string) {
    const path = join(dirname(vm.home), 'etc', file);
    const before = await readFile(path, 'utf8');
    const after = change(before);
    expect(after).not.toBe(before);
    await writeFile(path, after);
    return { [Symbol.asyncDispose]: () => writeFile(path, before) };
  }

  const setShell = (shell: string) =>
    edit('passwd', (text) => text.replace(/(?<=^opc:.*:)[^:]*$/m, shell));

  async function expectAllWorks(caller: Api): Promise<void> {
    expect((await caller.get('/containers')).status).toBe(200);
    const result = await caller.postJson<ContainerActionResult>('/containers/small/rebuild');
    expect(result).toMatchObject({ container: 'small', status: 'success', changed: false });
    const [newest] = await caller.getJson<Job[]>('/jobs');
    expect(newest).toMatchObject({ id: result.job, state: 'succeeded' });
  }

  const shells = ['/usr/bin/fish', '/usr/bin/zsh', '/bin/tcsh', '/bin/dash'];
  test.each(shells.filter((shell) => existsSync(shell)))(
    report(5, 'the login shell %s rebuilds and reads jobs'),
    async (shell) => {
      await using _ = await setShell(shell);
      await logInAgain();
      await expectAllWorks(api);
    },
  );

  test.each([
    ['/usr/sbin/nologin', /nologin/],
    ['/bin/rbash', /restricted/],
    ['/usr/bin/git-shell', /git-shell/],
  ])(report(5, 'the login shell %s is named, and nothing is claimed'), async (shell, name) => {
    await using _ = await setShell(shell);
    await logInAgain();
    for (const response of [await api.post('/containers/small/rebuild'), await api.get('/jobs')]) {
      const error = await expectApiError(
        response,
        'SERVICE_UNAVAILABLE',
        'Command failed on the VM',
      );
      expect(error.message).toMatch(name);
      expect(error.message).toContain('usermod -s /bin/bash opc');
    }
  });

  test.each([
    ['forwarded', []],
    ['through docker itself', ['AllowStreamLocalForwarding no']],
  ])(report(6, 'a .bashrc that prints does no harm to Docker %s'), async (_way, config) => {
    const bashrc = join(vm.home, '.bashrc');
    const line = 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo "welcome $i"; done; printf bye';
    await writeFile(bashrc, `${line}\necho oops >&2\n`);
    await logInAgain(config);
    try {
      expect((await vm.ssh('true')).stdout.length).toBeGreaterThan(4096);
      await expectAllWorks(api);
    } finally {
      await rm(bashrc);
      await vm.sshd.restart();
    }
  });

  const sleeper = ['--init', baseImage, 'sleep', '99999'];
  /** Spares a start the set-up of a network of the container's own. */
  const onVm = ['--network', 'host'];
  const shared = [
    ['network', 'network', '--network'],
    ['pid', 'processes', '--pid'],
    ['ipc', 'shared memory', '--ipc'],
  ] as const;
  test.each(shared)(
    report(9, 'who shares the %s of a container that is stopped, then removed, is told so'),
    async (kind, words, option) => {
      const [other, own] = [`${kind}-other`, `${kind}-own`];
      const shareable = kind === 'ipc' ? ['--ipc', 'shareable'] : [];
      const network = kind === 'network' ? [] : onVm;
      const sharing = [...network, option, `container:${other}`];
      await vm.docker('run', '-d', '--name', other, ...network, ...shareable, ...sleeper);
      await vm.docker('run', '-d', '--name', own, ...sharing, ...sleeper);
      await vm.docker('stop', '-t', '1', own, other);
      const refuse = async (verb: string, text: string) => {
        const response = await api.post(`/containers/${own}/${verb}`);
        return expectApiError(response, 'CONFLICT', text);
      };
      const stopped = await refuse('start', 'Needed container not running');
      expect(stopped.message).toContain(`'${other}', whose ${words} it shares, does not run`);
      expect(stopped.details).toMatchObject({ name: own, needs: other });
      await vm.docker('rm', '-f', other);
      for (const verb of ['start', 'restart']) {
        const removed = await refuse(verb, 'Needed container missing');
        expect(removed.message).toMatch(
          new RegExp(`'[0-9a-f]{12}', whose ${words} it shares, no longer exists`),
        );
        expect(removed.details).toMatchObject({ name: own });
      }
    },
  );

  test(report(9, 'a link to a container that is gone is told; volumes of one stay'), async () => {
    await vm.docker('run', '-d', '--name', 'store', '-v', '/data', ...sleeper);
    await vm.docker('create', '--name', 'linked', '--link', 'store:db', ...sleeper);
    const reading = ['--name', 'reader', ...onVm, '--volumes-from', 'store:ro'];
    await vm.docker('create', ...reading, ...sleeper);
    await vm.docker('rm', '-f', 'store');
    const response = await api.post('/containers/linked/start');
    const { details } = await expectApiError(response, 'CONFLICT', 'Needed container missing');
    expect(details).toMatchObject({ name: 'linked', needs: 'store' });
    // The engine wants nothing of the container itself, so this is no error.
    expect(await api.postJson('/containers/reader/start')).toMatchObject({ changed: true });
    const missing = await expectApiError(await api.post('/containers/store/start'), 'NOT_FOUND');
    expect(missing.details).toMatchObject({ name: 'store' });
  });

  test.each([
    ['a device', ['--device', '/dev/ttyUSB-mount'], 'a device that it uses'],
    ['a disk whose speed is limited', ['--device-read-bps', '/dev/sdx:1mb'], 'a device that it'],
    ['a GPU', ['--gpus', 'all'], 'no driver for the devices'],
  ])(
    report(9, '%s that is missing is told as that, not as a mount'),
    async (what, options, words) => {
      const name = what.replaceAll(' ', '-');
      await vm.docker('create', '--name', name, ...onVm, ...options, ...sleeper);
      const response = await api.post(`/containers/${name}/start`);
      const { message } = await expectApiError(
        response,
        'INTERNAL_ERROR',
        'Container failed to start',
      );
      expect(message).toContain(words);
      expect(message).not.toMatch(/mount|\/dev/);
    },
  );

  test(report(9, 'a volume whose disk is missing is told as that'), async () => {
    const disk = ['-o', 'type=ext4', '-o', 'device=/dev/sdx1'];
    await vm.docker('volume', 'create', ...disk, 'disk');
    await vm.docker('create', '--name', 'on-disk', ...onVm, '-v', 'disk:/data', ...sleeper);
    const response = await api.post('/containers/on-disk/start');
    const { message } = await expectApiError(response, 'INTERNAL_ERROR');
    expect(message).toContain('what one of its volumes stands for');
  });

  const labels = {
    project: 'odd',
    service: 'web',
    'project.working_dir': '/srv',
    'project.config_files': '/srv/compose.yml',
  };
  test.each([
    ['a project that is an option', { project: '--help' }],
    ['a service that is an option', { service: '-d' }],
    ['a relative folder', { 'project.working_dir': 'srv' }],
    ['a line break in the folder', { 'project.working_dir': '/srv\n/etc' }],
    ['a file from stdin', { 'project.config_files': '-' }],
    ['a file that is a folder', { 'project.config_files': '/tmp' }],
    ['a file that never ends', { 'project.config_files': '/dev/zero' }],
    ['an environment that never ends', { 'project.environment_file': '/dev/zero' }],
    ['a file with a shell in its name', { 'project.config_files': '/$(reboot);`reboot`' }],
    ['a hundred files', { 'project.config_files': Array(100).fill('/a.yml').join() }],
    ['a very long path', { 'project.config_files': `/${'x'.repeat(5000)}` }],
    ['a one-off mark', { oneoff: 'True' }],
  ])(report(34, 'labels with %s are a 409 that starts nothing'), async (what, changes) => {
    const name = what.replaceAll(' ', '-');
    const given = Object.entries({ ...labels, ...changes }).flatMap(([key, value]) => [
      '--label',
      `com.docker.compose.${key}=${value}`,
    ]);
    await vm.docker('create', '--name', name, ...given, ...sleeper);
    const jobs = await api.getJson<Job[]>('/jobs');
    const response = await api.post(`/containers/${name}/rebuild`);
    const { details } = await expectApiError(response, 'CONFLICT', 'Rebuild not possible');
    expect(details).toMatchObject({ name });
    expect(await api.getJson<Job[]>('/jobs')).toEqual(jobs);
  });

  test.each([
    ['with frames', []],
    ['of a TTY', ['--tty']],
  ])(
    report(11, 'a log %s is read as docker logs -n reads it, wherever zeros are'),
    async (what, options) => {
      const container = what.replaceAll(' ', '-');
      const named = ['--name', container, ...onVm, ...options];
      await vm.docker('run', ...named, baseImage, 'seq', '1', '60');
      const path = (await vm.inspect(container)).LogPath;
      const entries = (await readFile(path, 'utf8')).split(/(?<=\n)/);
      expect(entries).toHaveLength(60);
      const zeros = '\0'.repeat(4096);
      for (const at of [0, 40, 59, 60]) {
        await writeFile(path, entries.toSpliced(at, 0, zeros).join(''));
        for (const lines of [1, 5, 19, 20, 21, 30, 100]) {
          const theirs = await vm.docker('logs', '--tail', String(lines), container);
          const { logs } = await api.getJson<ContainerLogs>(
            `/containers/${container}/logs?lines=${lines}`,
          );
          expect({ at, lines, logs: logs.split(/\s+/) }).toEqual({
            at,
            lines,
            logs: theirs.split(/\s+/),
          });
        }
      }
    },
  );

  async function expectRefusedLogin(env: Environment = {}) {
    await using caller = await logIn(env);
    const response = await caller.get('/containers');
    const error = await expectApiError(response, 'SERVICE_UNAVAILABLE', 'VM not reachable via SSH');
    expect(error.message).toContain(`opc@127.0.0.1:${vm.sshd.port}`);
    expect(error.message).toMatch(/SHA256:[\w+/]{43}/);
    return error;
  }

  test(report(12, 'a second factor after the key is told as one'), async () => {
    await vm.sshd.restart([
      'PasswordAuthentication yes',
      'AuthenticationMethods publickey,password',
    ]);
    try {
      const { message, details } = await expectRefusedLogin();
      expect(message).toMatch(/accepted the key.*second factor \(a password\)/);
      expect(details).toMatchObject({ reason: 'AUTH_INCOMPLETE' });
    } finally {
      await vm.sshd.restart();
    }
  });

  test(report(12, 'more keys than sshd allows, and none that fits, are told as each'), async () => {
    const folder = join(dirname(vm.home), 'keys');
    await runOk(['mkdir', folder]);
    const socket = join(folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await once(agent.stdout, 'data');
      const env = { SSH_PRIVATE_KEY_FILE: undefined, SSH_AUTH_SOCK: socket };
      const addKey = async (name: string) => {
        const file = join(folder, name);
        await runOk(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', file]);
        await runOk(['ssh-add', '-q', file], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      };
      await addKey('0');
      const one = await expectRefusedLogin(env);
      expect(one.message).toMatch(/the agent's only key .*authorized_keys/);
      for (let more = 1; more < 8; more += 1) await addKey(String(more));
      const many = await expectRefusedLogin(env);
      expect(many.message).toMatch(/agent's 8 keys.*MaxAuthTries.*SSH_PRIVATE_KEY_FILE/);
    } finally {
      agent.kill();
      await once(agent, 'exit');
    }
  });

  test.each([
    ['forwarded', []],
    ['through docker itself', ['AllowStreamLocalForwarding no']],
  ])(report(14, 'a user out of the docker group is told so, %s'), async (_way, config) => {
    await runOk(['chgrp', '998', vm.dockerSocket]);
    await using _ = await edit('group', (text) => text.replace(/(?<=^docker:.*:)opc$/m, ''));
    await vm.sshd.restart(config);
    const response = await until('the new login', async () => {
      const answer = await api.get('/containers');
      const { details } = (await answer.clone().json()) as ApiError;
      return details?.reason === 'DOCKER_PERMISSION_DENIED' ? answer : undefined;
    });
    const { message } = await expectApiError(
      response,
      'SERVICE_UNAVAILABLE',
      'Docker not reachable',
    );
    expect(message).toContain('usermod -aG docker opc');
  });
});
