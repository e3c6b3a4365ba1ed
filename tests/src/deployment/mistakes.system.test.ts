// The mistakes that a newcomer can make on the way to the real VM: each is found in its own layer, with words that name the variable, the value at hand and the next step.

import { generateKeyPairSync } from 'node:crypto';
import { chmod, copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort, type Sandbox, startSandbox } from '@ondemand/sandbox';
import { checkAll, readConfiguration } from '@ondemand/server';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { run } from '../support/run.ts';
import { startServerHere } from '../support/start-api-in-this-process.ts';
import { until } from '../support/until.ts';

/** What stands for OCI and the VM is as slow as a busy machine makes it. */
const longDeadlines = {
  HOME: '/nonexistent',
  OCI_TIMEOUT_SECONDS: '60',
  SSH_CONNECT_TIMEOUT_SECONDS: '60',
};

type Env = Readonly<Record<string, string | undefined>>;

let sandbox: Sandbox;
let folder = '';
let closedPort = 0;
beforeAll(() =>
  openSuite(async (opened) => {
    folder = await mkdtemp(join(tmpdir(), 'ondemand-setup-'));
    opened.add(() => rm(folder, { recursive: true }));
    sandbox = opened.use(await startSandbox());
    closedPort = await findFreePort();
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = { type: 'pkcs1', format: 'pem' } as const;
    const cipher = { cipher: 'aes-256-cbc', passphrase: 'sesame' };
    await write('other-key', privateKey.export(pem).toString());
    await write('encrypted-key', privateKey.export({ ...pem, ...cipher }).toString());
    await write('key.pub', publicKey.export({ type: 'spki', format: 'pem' }).toString());
    await write('no-hosts', '');
  }),
);
afterEach(() => {
  sandbox.faults.reset();
  sandbox.world.setPublicIp('127.0.0.1');
  sandbox.world.setLifecycleState('RUNNING');
});

async function write(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), text);
  await chmod(join(folder, name), 0o600);
}

const at = (name: string) => join(folder, name);

async function diagnose(env: Env = {}) {
  const process = { ...longDeadlines, ...sandbox.env, ...env };
  return checkAll(await readConfiguration(process, undefined));
}

test('where nothing is wrong nothing is found', async () => {
  // A layer that a busy machine keeps from answering in time is asked again.
  const whole = await until('a diagnosis in which every layer answered in time', async () => {
    const found = await diagnose();
    return found.checks.some(({ message }) => message.includes('in time')) ? undefined : found;
  });
  expect(whole.checks.filter(({ status }) => status !== 'ok')).toEqual([]);
  expect(whole.ok).toBe(true);
});

interface Mistake {
  readonly env?: () => Env;
  readonly fault?: () => void;
  readonly check: string;
  /** What it must be told with. */
  readonly says: readonly (string | RegExp | (() => string))[];
}

const only = (...operations: readonly string[]) => ({
  only: ({ operation }: { readonly operation: string }) => operations.includes(operation),
});
const vnic = { status: 404 } as const;

const mistakes: Readonly<Record<string, Mistake>> = {
  'a variable that is missing': {
    env: () => ({ OIDC_AUDIENCE: undefined }),
    check: 'configuration',
    says: ['OIDC_AUDIENCE: required'],
  },
  'a user in SSH_HOST': {
    env: () => ({ SSH_HOST: 'opc@vm.example.com' }),
    check: 'configuration',
    says: ['SSH_HOST', 'SSH_USER'],
  },
  'a key file that is not there': {
    env: () => ({ SSH_PRIVATE_KEY_FILE: at('none') }),
    check: 'configuration',
    says: ['SSH_PRIVATE_KEY_FILE', () => at('none'), 'ENOENT', 'check that it exists'],
  },
  'the public key in place of the private one': {
    env: () => ({ SSH_PRIVATE_KEY_FILE: at('key.pub') }),
    check: 'configuration',
    says: ['SSH_PRIVATE_KEY_FILE', () => at('key.pub'), 'without .pub'],
  },
  'a passphrase that is missing': {
    env: () => ({ SSH_PRIVATE_KEY_FILE: at('encrypted-key') }),
    check: 'configuration',
    says: ['SSH_PRIVATE_KEY_PASSPHRASE', () => at('encrypted-key'), 'encrypted', 'set it'],
  },
  'a wrong passphrase': {
    env: () => ({
      SSH_PRIVATE_KEY_FILE: at('encrypted-key'),
      SSH_PRIVATE_KEY_PASSPHRASE: 'wrong',
    }),
    check: 'configuration',
    says: ['SSH_PRIVATE_KEY_PASSPHRASE', () => at('encrypted-key'), 'ssh-keygen -y'],
  },
  'an OCI profile that is not there': {
    env: () => ({ OCI_CONFIG_PROFILE: 'VM' }),
    check: 'configuration',
    says: ['OCI_CONFIG_PROFILE', "'VM'", 'it has: DEFAULT'],
  },
  'the region of another instance': {
    env: () => ({ OCI_REGION: 'eu-zurich-1', OCI_ENDPOINT: undefined }),
    check: 'configuration',
    says: ['OCI_INSTANCE_ID', 'eu-marseille-1', 'eu-zurich-1', 'set OCI_REGION to'],
  },
  'no issuer there': {
    env: () => ({ OIDC_ISSUER: `http://127.0.0.1:${closedPort}` }),
    check: 'issuer',
    says: ['ECONNREFUSED'],
  },
  'an issuer with a slash too many': {
    env: () => ({ OIDC_ISSUER: `${sandbox.env.OIDC_ISSUER}/` }),
    check: 'issuer',
    says: ['OIDC_ISSUER is', () => `it is ${sandbox.env.OIDC_ISSUER},`],
  },
  'an issuer with a path that leads nowhere': {
    env: () => ({ OIDC_ISSUER: `${sandbox.env.OIDC_ISSUER}/auth` }),
    check: 'issuer',
    says: ['OIDC_ISSUER', '/auth', () => `at ${sandbox.env.OIDC_ISSUER} there is one`],
  },
  'keys that the issuer does not give': {
    fault: () =>
      Object.assign(sandbox.faults.oidc, {
        status: 503,
        only: ({ path }: { path: string }) => path === '/jwks',
      }),
    check: 'issuer-keys',
    says: ['HTTP 503'],
  },
  'a wrong client secret': {
    env: () => ({ OIDC_CLIENT_SECRET: 'wrong' }),
    check: 'issuer-client',
    says: ['OIDC_CLIENT_ID and OIDC_CLIENT_SECRET', 'HTTP 401'],
  },
  'no OCI at the endpoint': {
    env: () => ({ OCI_ENDPOINT: `http://127.0.0.1:${closedPort}` }),
    check: 'oci',
    says: ['the connection to OCI failed'],
  },
  'a key that OCI does not know': {
    fault: () => Object.assign(sandbox.faults.oci, { status: 401 }),
    check: 'oci-key',
    says: ['HTTP 401', 'user, fingerprint and key'],
  },
  'the id of another instance': {
    env: () => ({ OCI_INSTANCE_ID: 'ocid1.instance.oc1.eu-marseille-1.none' }),
    check: 'oci-instance',
    says: ['OCI_INSTANCE_ID', 'HTTP 404', 'policy'],
  },
  'a policy without vnic-attachments': {
    fault: () => Object.assign(sandbox.faults.oci, vnic, only('ListVnicAttachments')),
    check: 'oci-policy',
    says: ['inspect vnic-attachments', 'SSH_HOST'],
  },
  'a policy without vnics': {
    fault: () => Object.assign(sandbox.faults.oci, vnic, only('GetVnic')),
    check: 'oci-policy',
    says: ['read vnics', 'SSH_HOST'],
  },
  'no public IP': {
    fault: () => sandbox.world.setPublicIp(undefined),
    check: 'public-ip',
    says: ['no public IP', 'SSH_HOST'],
  },
  'a closed port': {
    env: () => ({ SSH_PORT: String(closedPort) }),
    check: 'tcp',
    says: [() => `127.0.0.1:${closedPort}`, 'SSH_PORT'],
  },
  'a name that does not resolve': {
    env: () => ({ SSH_HOST: 'vm.invalid' }),
    check: 'tcp',
    says: ['vm.invalid', 'SSH_HOST'],
  },
  'the port of something else': {
    env: () => ({ SSH_PORT: new URL(sandbox.oci.url).port }),
    check: 'ssh-handshake',
    says: [() => new URL(sandbox.oci.url).port, 'SSH_PORT'],
  },
  'a wrong fingerprint': {
    env: () => ({ SSH_HOST_KEY_FINGERPRINT: `SHA256:${'A'.repeat(43)}` }),
    check: 'host-key',
    says: ['SSH_HOST_KEY_FINGERPRINT', /it showed SHA256:/, 'ssh-keyscan -p'],
  },
  'known hosts without the VM': {
    env: () => ({ SSH_KNOWN_HOSTS_FILE: at('no-hosts') }),
    check: 'host-key',
    says: ['SSH_KNOWN_HOSTS_FILE', /it showed SHA256:/, 'ssh-keyscan -p'],
  },
  'a key that is in no authorized_keys': {
    env: () => ({ SSH_PRIVATE_KEY_FILE: at('other-key') }),
    check: 'login',
    says: ['opc@127.0.0.1', /the key SHA256:/, 'authorized_keys', 'SSH_USER'],
  },
  'a user who is not there': {
    env: () => ({ SSH_USER: 'ubuntu' }),
    check: 'login',
    says: ['ubuntu@127.0.0.1', 'SSH_USER'],
  },
  'a login that runs no command': {
    fault: () => Object.assign(sandbox.faults.ssh, { exec: false }),
    check: 'shell',
    says: [/refused to run/],
  },
  'a user without the group docker': {
    fault: () => Object.assign(sandbox.faults.docker, { socketDenied: true, dialStdioFails: true }),
    check: 'socket',
    says: ['Docker on oci-flex is not answering', 'DOCKER_SOCKET'], // of a real one: socket-probe.system.test.ts
  },
  'no socket at DOCKER_SOCKET': {
    env: () => ({ DOCKER_SOCKET: '/run/nowhere.sock' }),
    check: 'socket',
    says: ['DOCKER_SOCKET'],
  },
  'a Docker that does not work': {
    fault: () => Object.assign(sandbox.faults.docker, { status: 500 }),
    check: 'docker',
    says: ['HTTP 500'],
  },
  'a Compose that is not there': {
    fault: () => Object.assign(sandbox.faults.docker, { compose: 'none' }),
    check: 'compose',
    says: ['docker compose', 'COMPOSE_COMMAND'],
  },
  'another Compose than is there': {
    env: () => ({ COMPOSE_COMMAND: 'docker-compose' }),
    fault: () => Object.assign(sandbox.faults.docker, { compose: 'v2' }),
    check: 'compose',
    says: ['COMPOSE_COMMAND', "'docker-compose'", 'install it'],
  },
};

describe('each mistake is found in its layer, in words that help', () => {
  test.each(Object.entries(mistakes))('%s', async (_what, { env, fault, check, says }) => {
    fault?.();
    const { ok, checks } = await diagnose(env?.());
    const [first] = checks.filter(({ status }) => status === 'failed');
    expect(first).toMatchObject({ name: check });
    for (const words of says)
      expect(first?.message).toMatch(typeof words === 'function' ? words() : words);
    expect(first?.next).toMatch(/\S/);
    expect(ok).toBe(false);
    // Neither a secret nor what upstream said.
    expect(JSON.stringify(checks)).not.toMatch(/PRIVATE KEY|sesame|Authorization failed|\n {4}at /);
  });
});

/** Faults that come while the API runs, each with the layer that it is of. */
const failures: readonly (readonly [string, () => void, string])[] = [
  ...Object.entries(mistakes).flatMap(([what, { env, fault, check }]) =>
    env === undefined && fault !== undefined ? [[what, fault, check] as const] : [],
  ),
  ['an sshd that has ended', () => setSsh({ mode: 'refuse' }), 'tcp'],
  ['an sshd that hangs up', () => setSsh({ mode: 'drop' }), 'ssh-handshake'],
  ['a key that was taken away', () => setSsh({ auth: 'reject' }), 'login'],
  ['an OCI that throttles', () => Object.assign(sandbox.faults.oci, { status: 429 }), 'oci'],
  ['a clock an hour ahead', () => setUse({ clockAheadSeconds: 3600 }), 'vm-clock'],
  ['processes that are hidden', () => setUse({ hidesProcesses: true }), 'idle'],
  ['another host key', () => sandbox.vm.changeHostKey(), 'host-key'],
];
const setSsh = (faults: Sandbox['faults']['ssh']) => Object.assign(sandbox.faults.ssh, faults);
const setUse = (use: Partial<Sandbox['vm']['use']>) => Object.assign(sandbox.vm.use, use);

test('an API that runs, and has been connected, finds what breaks meanwhile, and what was repaired; none of it is use', async () => {
  await using server = await startServerHere({ ...sandbox.env, IDLE_STOP_AFTER_MINUTES: '60' });
  const headers = { authorization: `Bearer ${await sandbox.tokens.admin()}` };
  const get = async (path: string) => (await fetch(`${server.url}${path}`, { headers })).json();
  const read = async () => {
    const { checks } = (await get('/diagnose')) as Awaited<ReturnType<typeof diagnose>>; // as its schema says
    return checks.filter(({ status }) => status === 'failed').map(({ name }) => name);
  };
  expect(await get('/containers')).toContainEqual(expect.objectContaining({ name: 'nginx' }));
  for (const [what, plant, check] of failures) {
    plant();
    expect([what, ...(await read())]).toEqual([what, check]);
    sandbox.faults.reset();
    setUse({ clockAheadSeconds: 0, hidesProcesses: false });
    sandbox.world.setPublicIp('127.0.0.1');
  }
  sandbox.trustHostKey();
  expect(await read()).toEqual([]);
  expect(await get('/vm/idle')).toMatchObject({ usedBy: null });

  // What no diagnosis can try, as it would change something: the call itself says what the policy lacks.
  const refuse = async (operation: string, method: string, path: string) => {
    Object.assign(sandbox.faults.oci, vnic, only(operation));
    const response = await fetch(`${server.url}${path}`, { method, headers });
    sandbox.faults.reset();
    expect(response.status).toBe(500);
    return ((await response.json()) as { message: string }).message; // an ApiError
  };
  expect(await refuse('InstanceAction', 'POST', '/vm/reboot')).toMatch(
    /may change.*"use instances" or INSTANCE_POWER_ACTIONS/,
  );
  expect(await refuse('CaptureConsoleHistory', 'GET', '/vm/console')).toMatch(
    /let our OCI user "manage console-histories"/,
  );
});

test('a key that others may read is told with the chmod', async () => {
  const key = at('open-key');
  await copyFile(sandbox.env.SSH_PRIVATE_KEY_FILE ?? '', key);
  await chmod(key, 0o644);
  const { ok, checks } = await diagnose({ SSH_PRIVATE_KEY_FILE: key });
  expect(ok).toBe(true);
  expect(checks[0]?.message).toMatch(/worth a look: .*SSH_PRIVATE_KEY_FILE: .*run chmod 600/);
});

test('tokens for another audience, and opaque ones without a client, are refused in words that name the variable', async () => {
  await using server = await startServerHere({
    ...sandbox.env,
    OIDC_AUDIENCE: 'elsewhere',
    OIDC_CLIENT_ID: undefined,
    OIDC_CLIENT_SECRET: undefined,
  });
  const refuse = async (token: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${server.url}/vm/status`, { headers });
    expect(response.status).toBe(401);
    return ((await response.json()) as { message: string }).message; // an ApiError
  };
  expect(await refuse(await sandbox.tokens.read())).toMatch(
    /another audience; its aud must hold OIDC_AUDIENCE, elsewhere/,
  );
  expect(await refuse('opaque')).toMatch(/set OIDC_CLIENT_ID and OIDC_CLIENT_SECRET/);
});

const bin = fileURLToPath(
  new URL('../../../packages/server/bin/ondemand-server.js', import.meta.url),
);

test('ondemand-server --check prints a line a layer and where to begin, listens to nothing, and ends with 0 or 1', async () => {
  const check = (env: Env, ...args: readonly string[]) =>
    run([process.execPath, bin, '--check', ...args], {
      env: { PATH: process.env.PATH, ...longDeadlines, PORT: String(closedPort), ...env },
    });
  const well = await check({ ...sandbox.env, COMPOSE_ROOTS: '/srv' });
  expect({ exitCode: well.exitCode, stderr: well.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(well.stdout).toMatch(/^ok +configuration +All variables can be used\n/);
  expect(well.stdout).toMatch(/^ok +docker +Docker \S+ answers/m);
  expect(well.stdout).toMatch(/\nNothing is wrong\.\n$/);
  const empty = await check({});
  expect(empty.exitCode).toBe(1);
  expect(empty.stdout).toMatch(/^failed +configuration .*OIDC_ISSUER: required/);
  expect(empty.stdout).toMatch(/^skipped +docker +Not asked, as configuration failed$/m);
  const json = await check(
    { ...sandbox.env, OCI_CONFIG_FILE: undefined, OCI_CONFIG_PROFILE: undefined },
    '--json',
  );
  expect(json.exitCode).toBe(1);
  const { ok, checks } = JSON.parse(json.stdout) as Awaited<ReturnType<typeof diagnose>>; // the same in JSON
  expect(ok).toBe(false);
  const [first] = checks.filter(({ status }) => status === 'failed');
  expect(first).toMatchObject({ name: 'oci-key', status: 'failed' });
  expect(first?.message).toMatch(/OCI_CONFIG_FILE: no readable file at .*\.oci\/config/); // no log to look into
  expect(
    (await run([process.execPath, bin, '--json'], { env: { PATH: process.env.PATH } })).exitCode,
  ).toBe(2);
});
