// OpenSSH 10 when it refuses: what callers are told, on the real one.

import { connect } from 'node:net';
import { join } from 'node:path';
import type { ApiError } from '@ondemand/server';
import { beforeAll, expect, test } from 'vitest';
import { baseImage } from '../real-engine/base-image.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { openSuite } from '../support/disposer.ts';
import { runOk } from '../support/run.ts';
import { startApp } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { describeWith } from './describe-or-skip.ts';
import { findNewerDebian } from './newer-debian.ts';

describeWith(await findNewerDebian(), 'OpenSSH 10', ({ folder }) => {
  let vm: RealVm;
  beforeAll(() =>
    openSuite(async (opened) => {
      vm = opened.use(await startRealVm({ root: folder }));
      await vm.docker('run', '--detach', '--init', '--name', 'plain', baseImage, 'sleep', '9999');
    }),
  );

  /** The error of a read while sshd is configured like that. */
  async function ask(
    config: readonly string[],
    {
      path = 'GET /containers',
      env = {},
      before = async () => () => {},
    }: {
      path?: string;
      env?: Record<string, string>;
      before?: () => Promise<() => void>;
    } = {},
  ): Promise<{ status: number; error: Partial<ApiError> }> {
    await vm.sshd.restart(config);
    const after = await before();
    try {
      await using app = await startApp({ env: { ...vm.env, ...env } });
      const [method = '', target = ''] = path.split(' ');
      const response = await app.request(method, target);
      const body = (await response.json()) as Partial<ApiError>; // its parts are checked
      return { status: response.status, error: body };
    } finally {
      after();
    }
  }

  /** A connection that never logs in. */
  async function loiter(): Promise<() => void> {
    const socket = await until('a place', async () => {
      const socket = connect({ host: '127.0.0.1', port: vm.sshd.port });
      socket.on('error', () => {}); // then it is closed as well
      const greeting = await new Promise<string>((resolve) => {
        socket.once('data', (bytes) => resolve(bytes.toString()));
        socket.once('close', () => resolve(''));
      });
      if (greeting.startsWith('SSH-2.0')) return socket;
      socket.destroy();
      return undefined;
    });
    return () => socket.destroy();
  }

  async function failLogins(): Promise<() => void> {
    const args = ['-i', vm.sshd.unknownKeyFile, '-p', String(vm.sshd.port), 'opc@127.0.0.1'];
    const options = ['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=no'];
    const known = 'UserKnownHostsFile=/dev/null';
    const flags = [...options, known].flatMap((option) => ['-o', option]);
    const line = ['ssh', '-F', 'none', ...flags, ...args, 'true'].join(' ');
    await until('sshd to punish', async () => {
      const said = await runOk(['sh', '-c', `${line} 2>&1 || true`]);
      return !said.includes('Permission denied');
    });
    return () => {};
  }

  test.each([
    ['too many logins under way', ['MaxStartups 1:100:1'], loiter],
    ['too many of one address', ['PerSourceMaxStartups 1'], loiter],
    ['earlier failed logins', ['PerSourcePenalties authfail:60s min:2s'], failLogins],
  ] as const)(
    '%s: every cause of its one sentence is named, with its remedy',
    async (_, config, before) => {
      const { status, error } = await ask(config, { before });
      expect(status).toBe(503);
      expect(['NOT_ALLOWED_NOW', 'TOO_MANY_CONNECTIONS']).toContain(error.details?.reason);
      for (const word of ['MaxStartups', 'PerSourcePenalties', 'RefuseConnection'])
        expect(error.message).toContain(word);
    },
  );

  test('a rule against the address: it breaks off the login, and the rule is named', async () => {
    const rule = ['Match Address 127.0.0.1', 'RefuseConnection yes', 'Match all'];
    const { status, error } = await ask(rule);
    expect(status).toBe(503);
    expect(['CONNECTION_RESET', 'NOT_ALLOWED_NOW']).toContain(error.details?.reason);
    expect(error.message).toContain('RefuseConnection');
  });

  test('only key exchanges that are newer than ours: says which way the gap is', async () => {
    const { status, error } = await ask(['KexAlgorithms mlkem768x25519-sha256']);
    expect(status).toBe(503);
    expect(error.details?.reason).toBe('NO_COMMON_ALGORITHM');
    expect(error.message).toMatch(/mlkem768x25519-sha256/);
    expect(error.message).not.toMatch(/supports current/);
  });

  test('MaxSessions 0: reads work, and a rebuild is told what to set', async () => {
    const labels = { project: 'p', service: 's', 'project.working_dir': vm.home };
    const named = { ...labels, 'project.config_files': `${vm.home}/compose.yml` };
    const options = Object.entries(named).map(([k, v]) => `--label=com.docker.compose.${k}=${v}`);
    await vm.docker('create', '--name', 'composed', ...options, baseImage);
    expect((await ask(['MaxSessions 0'])).status).toBe(200);
    const path = 'POST /containers/composed/rebuild';
    const { status, error } = await ask(['MaxSessions 0'], { path });
    expect(status).toBe(503);
    expect(error.details?.reason).toBe('NO_SESSIONS');
    expect(error.message).toContain('MaxSessions 0');
  });

  test('a user key of RSA that is too short for it: says so, with the size', async () => {
    const file = join(vm.home, '..', 'rsa_key');
    await runOk(['ssh-keygen', '-q', '-t', 'rsa', '-b', '2048', '-N', '', '-f', file]);
    await runOk(['sh', '-c', `cat ${file}.pub >> ${vm.home}/../authorized_keys`]);
    const env = { SSH_PRIVATE_KEY_FILE: file };
    expect((await ask([], { env })).status).toBe(200);
    const { status, error } = await ask(['RequiredRSASize 3072'], { env });
    expect(status).toBe(503);
    expect(error.message).toMatch(/RequiredRSASize/);
    expect(error.message).toMatch(/2048/);
  });

  test.each([
    [['AllowStreamLocalForwarding no']],
    [['DisableForwarding yes']],
    [['MaxSessions 1']],
    [['ChannelTimeout *=1s', 'UnusedConnectionTimeout 1s']],
  ])('%j: containers are read all the same', async (config) => {
    const { status, error } = await ask(config);
    expect(JSON.stringify(error)).toContain('"plain"');
    expect(status).toBe(200);
  });
});
