// Each kind of failure is found in the layer that it belongs to, and what stands on that is skipped, with fakes for all that is asked.

import { describe, expect, test } from 'vitest';
import type { HostFacts } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { type CheckName, checkNames } from '../model/diagnosis.ts';
import { createDiagnosis, type DiagnosisOptions, type DiagnosisVm } from './diagnosis.ts';

const now = new Date('2026-02-08T10:15:30.000Z');
const gib = 1024 ** 3;

const healthyVm: DiagnosisVm = {
  address: async () => ({
    host: '203.0.113.7',
    port: 22,
    user: 'opc',
    hostKeys: ['ssh-ed25519 AAAA'],
  }),
  readDocker: async () => ({ version: '28.3.3', apiVersion: '1.51', way: 'socket' }),
  findCompose: async () => 'docker compose',
  readHost: async () => ({
    now: now.getTime() / 1000,
    tools: undefined,
    jobFolder: undefined,
    disks: [{ of: 'home', freeBytes: 9 * gib }],
    isProcHidden: false,
  }),
  async [Symbol.asyncDispose]() {},
};
const withVm = (vm: Partial<DiagnosisVm>) => ({ openVm: () => ({ ...healthyVm, ...vm }) });

/** A world where all is well. */
const healthy: DiagnosisOptions = {
  compute: {
    getInstance: async () => ({
      lifecycleState: 'RUNNING',
      displayName: 'oci-flex',
      etag: 'e',
      shape: 'VM.Standard.A1.Flex',
    }),
    getPublicIp: async () => '203.0.113.7',
    act: async () => expect.fail('a diagnosis changes nothing'),
  },
  ociClockOffsetMs: () => 400,
  knownHost: async () => undefined,
  openVm: () => healthyVm,
  checkOwn: async () => ({
    checks: (['configuration', 'issuer', 'issuer-keys', 'issuer-client'] as const).map((name) => ({
      name,
      status: 'ok' as const,
      message: 'fine',
    })),
    clockOffsets: [{ of: 'the issuer', offsetMs: -900 }],
  }),
  settings: { connectTimeoutMs: 10_000, idle: { announce: 300, dryRun: false } },
  clock: { now: () => now, elapsedMs: () => performance.now() },
  onUnexpected: (error) => expect.fail(String(error)),
};

const failure = (reason: string, text?: AppError['text']) =>
  new AppError('SERVICE_UNAVAILABLE', `It failed with ${reason}`, {
    details: { reason },
    ...(text !== undefined && { text: text as 'OCI failed' }), // of whichever code
  });
const oci = (text: AppError['text'], reason = 'x') => ({
  compute: {
    ...healthy.compute,
    getInstance: async () => Promise.reject(failure(reason, text)),
  },
});
const ssh = (reason: string) => withVm({ address: async () => Promise.reject(failure(reason)) });
const docker = (reason: string) =>
  withVm({ readDocker: async () => Promise.reject(failure(reason)) });
const host = (facts: Partial<HostFacts>) =>
  withVm({ readHost: async (options) => ({ ...(await healthyVm.readHost(options)), ...facts }) });

const read = (world: Partial<DiagnosisOptions> = {}) =>
  createDiagnosis({ ...healthy, ...world }).diagnose();

test('where nothing is wrong no check fails, and each says what it found', async () => {
  const { ok, checks, checkedAt } = await read();
  expect({ ok, checkedAt }).toEqual({ ok: true, checkedAt: now.toISOString() });
  expect(checks.map(({ name }) => name)).toEqual(checkNames);
  expect(checks.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect(checks.every(({ message, next }) => message.length > 3 && next === undefined)).toBe(true);
});

describe('a failure is found in its own layer', () => {
  const rows: readonly [string, Partial<DiagnosisOptions>, CheckName][] = [
    ['OCI out of reach', oci('OCI not reachable'), 'oci'],
    ['OCI throttling', oci('OCI throttles requests'), 'oci'],
    ['a key that OCI refuses', oci('OCI refused our credentials'), 'oci-key'],
    ['a key that cannot be read', oci('OCI configuration not usable'), 'oci-key'],
    ['no dynamic group', oci('OCI not reachable', 'NO_INSTANCE_PRINCIPAL'), 'oci-key'],
    ['an instance that is not there', oci('VM not found in OCI'), 'oci-instance'],
    ['a policy that lacks the instance', oci('OCI refused the request'), 'oci-policy'],
    [
      'a policy that lacks the network cards',
      {
        compute: {
          ...healthy.compute,
          getPublicIp: async () => Promise.reject(failure('x', 'VM address not readable')),
        },
      },
      'oci-policy',
    ],
    [
      'an instance that was deleted',
      {
        compute: {
          ...healthy.compute,
          getInstance: async () => ({ lifecycleState: 'TERMINATED', displayName: '', etag: '' }),
        },
      },
      'oci-instance',
    ],
    [
      'no public IP',
      { compute: { ...healthy.compute, getPublicIp: async () => undefined } },
      'public-ip',
    ],
    ['a closed port', ssh('CONNECTION_REFUSED'), 'tcp'],
    ['a port that swallows packets', ssh('CONNECT_TIMEOUT'), 'tcp'],
    ['a name that does not resolve', ssh('DNS_FAILED'), 'tcp'],
    ['a port that is not of sshd', ssh('HANDSHAKE_FAILED'), 'ssh-handshake'],
    ['an sshd with too many logins', ssh('TOO_MANY_CONNECTIONS'), 'ssh-handshake'],
    ['an unknown host key', ssh('HOST_KEY_UNKNOWN'), 'host-key'],
    ['another fingerprint', ssh('HOST_KEY_MISMATCH'), 'host-key'],
    ['known hosts that cannot be read', ssh('KNOWN_HOSTS_UNREADABLE'), 'host-key'],
    ['a refused login', ssh('AUTH_REJECTED'), 'login'],
    ['a key file that went', ssh('KEY_UNREADABLE'), 'login'],
    ['a wrong passphrase', ssh('PASSPHRASE_WRONG'), 'login'],
    [
      'a login shell that runs nothing',
      withVm({ readHost: async () => Promise.reject(failure('SHELL_UNUSABLE')) }),
      'shell',
    ],
    ['no group docker', docker('DOCKER_PERMISSION_DENIED'), 'socket'],
    ['no socket', docker('DOCKER_SOCKET_MISSING'), 'socket'],
    ['forbidden forwarding', docker('DOCKER_FORWARDING_FORBIDDEN'), 'socket'],
    ['a dead dockerd', docker('DOCKER_DOWN'), 'docker'],
    ['an old Docker', docker('DOCKER_UNFIT'), 'docker'],
    ['no Compose', withVm({ findCompose: async () => Promise.reject(failure('x')) }), 'compose'],
    ['no flock', host({ tools: failure('x') }), 'flock-setsid'],
    ['a full disk', host({ disks: [{ of: 'docker', freeBytes: 10_000 }] }), 'disk'],
    ['a folder of another user', host({ jobFolder: failure('x') }), 'job-folder'],
    ['a VM an hour behind', host({ now: now.getTime() / 1000 - 3600 }), 'vm-clock'],
    [
      'hidden processes under an idle stop',
      {
        ...host({ isProcHidden: true }),
        settings: { ...healthy.settings, idle: { stopAfter: 600, announce: 0, dryRun: false } },
      },
      'idle',
    ],
    ["a clock that is not OCI's", { ociClockOffsetMs: () => 400_000 }, 'clock'],
  ];
  test.each(rows)('%s', async (_what, world, expected) => {
    const { ok, checks } = await read(world);
    const failed = checks.filter(({ status }) => status === 'failed');
    expect(failed.map(({ name }) => name)).toEqual([expected]);
    expect(ok).toBe(false);
    expect(failed[0]?.next).toMatch(/\S/);
    const skipped = checks.filter(({ status }) => status === 'skipped');
    for (const { message } of skipped)
      expect(message).toMatch(/^(Not|OCI does not|oci-flex is TERMINATED)/);
  });

  test('a VM that hangs behind its sshd is one that cannot be reached', async () => {
    const { checks } = await read(
      withVm({
        readHost: async () => Promise.reject(failure('COMMAND_TIMEOUT')),
        readDocker: async () => Promise.reject(failure('DOCKER_TIMEOUT')),
      }),
    );
    const failed = checks.filter(({ status }) => status === 'failed');
    expect(failed.map(({ name }) => name)).toEqual(['tcp']);
  });
});

test('a VM that is off is not dialled, which is no failure, and it is said how to wake it', async () => {
  const { ok, checks } = await read({
    compute: {
      ...healthy.compute,
      getInstance: async () => ({ lifecycleState: 'STOPPED', displayName: 'x', etag: 'e' }),
    },
    openVm: () => expect.fail('it was dialled'),
  });
  expect(ok).toBe(true);
  const tcp = checks.find(({ name }) => name === 'tcp');
  expect(tcp).toMatchObject({ status: 'skipped', next: 'ondemand wake' });
  expect(tcp?.message).toContain('oci-flex is STOPPED');
});

test('with SSH_HOST the VM is asked though OCI is out of reach, and needs no permission for network cards', async () => {
  const settings = { ...healthy.settings, sshHost: 'vm.example.com' };
  const away = await read({ ...oci('OCI not reachable'), settings });
  const statusOf = (name: CheckName) => away.checks.find((check) => check.name === name)?.status;
  expect([statusOf('oci'), statusOf('docker')]).toEqual(['failed', 'ok']);
  const { settings: plain } = healthy;
  const known = { ...oci('OCI not reachable'), knownHost: async () => '203.0.113.7' };
  const open = await read({ ...known, settings: plain }); // as an open connection has it
  expect(open.checks.find(({ name }) => name === 'docker')?.status).toBe('ok');
  const refused = await read({
    settings,
    compute: {
      ...healthy.compute,
      getPublicIp: async () => Promise.reject(failure('x', 'VM address not readable')),
    },
  });
  expect(refused.ok).toBe(true);
});

test.each([
  ['OCI configuration not usable', 'x'],
  ['OCI not reachable', 'NO_INSTANCE_PRINCIPAL'],
] as const)('OCI is told to answer only where it was asked: %s %s', async (text, reason) => {
  const { checks } = await read(oci(text, reason));
  const statusOf = (name: CheckName) => checks.find((check) => check.name === name)?.status;
  expect([statusOf('oci'), statusOf('oci-key')]).toEqual(['skipped', 'failed']);
});

test.each([
  ['VM address not readable', {}, 'oci-policy', 'ok'],
  ['OCI refused the request', { ociCode: 'NotAuthorized' }, 'oci-policy', 'ok'],
  ['OCI throttles requests', {}, 'oci-policy', 'skipped'],
  ['OCI failed', {}, 'oci-policy', 'skipped'],
  ['OCI not reachable', { reason: 'TIMEOUT' }, 'oci-policy', 'skipped'],
  ['OCI account not in order', {}, 'oci-policy', 'failed'],
  ['OCI refused our credentials', {}, 'oci-key', 'failed'],
] as const)(
  'with SSH_HOST, network cards that give "%s" %j leave %s %s',
  async (text, details, name, status) => {
    const error = new AppError('SERVICE_UNAVAILABLE', 'No answer', {
      text: text as 'OCI failed', // of whichever code
      details,
    });
    const { checks } = await read({
      settings: { ...healthy.settings, sshHost: 'vm.example.com' },
      compute: { ...healthy.compute, getPublicIp: () => Promise.reject(error) },
    });
    expect(checks.find((check) => check.name === name)?.status).toBe(status);
    const others = checks.filter((check) => check.name !== name).map((check) => check.status);
    expect(others).not.toContain('failed');
    expect(checks.find((check) => check.name === 'public-ip')?.status).toBe('ok');
  },
);

test.each([
  ['VM.DenseIO2.8', true],
  ['VM.GPU.A10.1', false],
])('the shape %s is told to be billed while stopped: %s', async (shape, billedWhileStopped) => {
  const { checks } = await read({
    compute: {
      ...healthy.compute,
      getInstance: async () => ({ lifecycleState: 'RUNNING', displayName: 'x', etag: 'e', shape }),
    },
  });
  const check = checks.find(({ name }) => name === 'shape');
  expect(check).toMatchObject({ status: 'ok', details: { shape, billedWhileStopped } });
});

test('whatever hangs is given up in time, and told as that', async () => {
  const hanging = () => new Promise<never>(() => {});
  const { checks } = await read({
    settings: { ...healthy.settings, connectTimeoutMs: -4_900 }, // a tenth of a second in all
    compute: { ...healthy.compute, getInstance: hanging },
    checkOwn: hanging,
  });
  const failed = checks.filter(({ status }) => status === 'failed');
  expect(failed.map(({ name }) => name)).toEqual(['issuer', 'oci']);
});

test('those who ask at the same time share one', async () => {
  let asked = 0;
  const { diagnose } = createDiagnosis({
    ...healthy,
    openVm() {
      asked += 1;
      return healthyVm;
    },
  });
  await Promise.all([diagnose(), diagnose(), diagnose()]);
  expect(asked).toBe(1);
});
