// The image, built by the `Dockerfile` on a dockerd of its own, and run as `deploy/compose.yaml` runs it, behind nginx. Where Node's own image and npm's packages would come from a registry, this machine's stand for them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findFreePort, startSandbox } from '@ondemand/sandbox';
import { beforeAll, expect, test } from 'vitest';
import { type PrivateEngine, startPrivateEngine } from '../real-engine/private-engine.ts';
import { describeRealEngine } from '../real-engine/real-engine-problem.ts';
import { importNginxImage, importNodeImage, nodeImage } from '../real-engine/stand-in-images.ts';
import { writeNginxConfiguration } from '../support/deployed-nginx.ts';
import { openSuite } from '../support/disposer.ts';
import { packServer } from '../support/pack-server.ts';
import { runOk } from '../support/run.ts';
import { openSse } from '../support/sse.ts';
import { createCaller } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const image = 'ondemand-server';
const user = 65532;

describeRealEngine('the image', () => {
  let own: PrivateEngine;
  beforeAll(() =>
    openSuite(async (opened) => {
      // On this host's network, where the sandbox is.
      own = opened.use(await startPrivateEngine('host'));
      const packFolder = join(own.folder, 'packed');
      await mkdir(packFolder);
      await importNodeImage(own, await packServer(packFolder));
      const options = ['--network', 'host', '--build-arg', `NODE=${nodeImage}`, '--tag', image];
      await own.engine.docker('build', ...options, root);
    }),
  );

  test('is smaller than 200 MB, not root’s, and without a shell', async () => {
    const { engine } = own;
    const [facts] = JSON.parse(await engine.docker('image', 'inspect', image));
    expect(facts.Size).toBeLessThan(200e6);
    expect(facts.Config.User).toBe(`${user}:${user}`);
    expect(facts.Config.Healthcheck.Test).toEqual(['CMD', 'ondemand-server', '--health']);
    const shell = ['run', '--rm', '--network', 'host', '--entrypoint', '/bin/sh', image];
    expect((await engine.dockerResult(...shell)).exitCode).toBe(127);
    const help = await engine.docker('run', '--rm', '--network', 'host', image, '--help');
    expect(help).toContain('OIDC_ISSUER');
  });

  test('becomes healthy on a read-only root, serves behind nginx, keeps its audit, and ends with 0', async () => {
    const { engine, folder } = own;
    await using sandbox = await startSandbox();
    const port = await findFreePort();
    const env = {
      ...(await copySecrets(sandbox.env, join(folder, 'secrets'))),
      // In a network of its own it would be the image's 0.0.0.0.
      HOST: '127.0.0.1',
      PORT: String(port),
      TRUST_PROXY: 'loopback',
      AUDIT_LOG_FILE: '/var/lib/ondemand/audit.jsonl',
    };
    const profile = join(folder, 'seccomp.json');
    await writeFile(profile, await toSeccompProfile());
    await engine.docker(
      ...['run', '--detach', '--name', 'api', '--network', 'host', '--read-only'],
      ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
      ...['--security-opt', `seccomp=${profile}`, '--health-interval', '1s'],
      ...['--volume', `${join(folder, 'secrets')}:/run/secrets:ro`],
      ...['--volume', 'audit:/var/lib/ondemand'],
      ...Object.entries(env).flatMap((pair) => ['--env', pair.join('=')]),
      image,
    );
    const inspect = async (format: string) =>
      (await engine.docker('inspect', '--format', format, 'api')).trim();
    await until('the container to be healthy', async () => {
      const [running, health] = (
        await inspect('{{.State.Running}} {{.State.Health.Status}}')
      ).split(' ');
      if (running === 'true') return health === 'healthy';
      throw new Error(`It ended:\n${await engine.docker('logs', 'api')}`);
    });

    const listen = await findFreePort();
    await using _ = await startNginx({ listen, server: port });
    const tokens = { read: await sandbox.tokens.read(), admin: await sandbox.tokens.admin() };
    const caller = createCaller(`http://127.0.0.1:${listen}`, tokens);
    expect(await caller.getJson('/containers')).toContainEqual(
      expect.objectContaining({ name: 'nginx', state: 'running' }),
    );
    const forged = { 'x-forwarded-for': '203.0.113.9' };
    const restarted = await caller.post('/containers/nginx/restart', { headers: forged });
    expect(restarted.status).toBe(200);
    // A stream that nginx kept back would not begin.
    await using events = await openSse(caller, '/events');
    expect(await events.next()).toBeDefined();

    await engine.docker('stop', '--time', '60', 'api');
    expect(await inspect('{{.State.ExitCode}} {{.State.OOMKilled}}')).toBe('0 false');
    const audit = join(
      (await engine.docker('volume', 'inspect', '--format', '{{.Mountpoint}}', 'audit')).trim(),
      'audit.jsonl',
    );
    const line = await readFile(audit, 'utf8');
    expect(line).toContain('"action":"containers_restart"');
    expect(line).not.toContain(forged['x-forwarded-for']);
  });

  test('runs by compose.yaml as it is, behind nginx, and both find each other by name', async () => {
    await using sandbox = await startSandbox();
    await using other = await startPrivateEngine('machine');
    const archive = join(other.folder, 'image.tar');
    await own.engine.docker('save', '--output', archive, image);
    await other.engine.docker('load', '--input', archive);
    await importNginxImage(other, 'nginx:stable-alpine');

    const deploy = join(other.folder, 'deploy');
    await cp(join(root, 'deploy'), deploy, { recursive: true });
    const {
      SSH_PRIVATE_KEY_FILE: sshKey = '',
      OCI_CONFIG_FILE: ociConfig = '',
      SSH_KNOWN_HOSTS_FILE: _,
      ...env
    } = sandbox.env;
    const lines = Object.entries(env).map((pair) => pair.join('='));
    await writeFile(join(deploy, 'ondemand.env'), lines.join('\n'));
    const config = await readFile(ociConfig, 'utf8');
    const [, ociKey = ''] = /^key_file=(.*)$/m.exec(config) ?? [];
    await mkdir(join(deploy, 'secrets'));
    const add = async (name: string, text: string) => {
      const path = join(deploy, 'secrets', name);
      await writeFile(path, text, { mode: 0o400 });
      await chown(path, user, user);
    };
    await add('ssh-key', await readFile(sshKey, 'utf8'));
    await add('oci-key', await readFile(ociKey, 'utf8'));
    await add('oci-config', config.replaceAll(ociKey, '/run/secrets/oci-key'));

    const compose = (...args: string[]) =>
      runOk(['/usr/bin/docker-compose', '--project-name', 'deploy', ...args], {
        cwd: deploy,
        env: { ...process.env, DOCKER_HOST: `unix://${other.engine.socket}`, HOME: other.folder },
      });
    await compose('up', '--detach', '--no-build');
    const ask = () =>
      other.engine.dockerResult(
        ...['exec', 'deploy_nginx_1', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8080/healthz'],
      );
    await until(
      'nginx to give the answer of the API',
      async () => (await ask()).exitCode === 0,
    ).catch(async (error: Error) => {
      throw new Error(await compose('logs', '--no-color'), { cause: error });
    });
    // Each name of the service is looked up anew, as it has another address from now on.
    await compose('up', '--detach', '--no-build', '--force-recreate', 'ondemand');
    await until('the API to be found again', async () => (await ask()).exitCode === 0);
    expect((await compose('exec', '-T', 'ondemand', 'ondemand-server', '--health')).trim()).toBe(
      '',
    );
    await compose('down', '--volumes', '--timeout', '30');
  });
});

/** As Docker's secrets: files that the container's user can read, and nobody else. */
async function copySecrets(env: Readonly<Record<string, string>>, target: string) {
  const source = dirname(env.OCI_CONFIG_FILE ?? '');
  const move = (text: string) => text.replaceAll(source, '/run/secrets');
  await mkdir(target);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(target, entry.name);
    await writeFile(path, move(await readFile(join(source, entry.name), 'utf8')), { mode: 0o400 });
    await chown(path, user, user);
  }
  const moved = Object.entries(env).map(([name, value]) => [name, move(value)]);
  return Object.fromEntries(moved) as Record<string, string>;
}

async function startNginx(ports: { readonly listen: number; readonly server: number }) {
  const configuration = await writeNginxConfiguration(ports);
  const child = spawn('/usr/sbin/nginx', [...configuration.args], { stdio: 'ignore' });
  const closed = once(child, 'close');
  await until('nginx to listen', () =>
    fetch(`http://127.0.0.1:${ports.listen}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await closed;
      await configuration[Symbol.asyncDispose]();
    },
  };
}

/** The filter of `deploy/ondemand.service`, in Docker's form: V8 lives with it. */
async function toSeccompProfile(): Promise<string> {
  const unit = await readFile(join(root, 'deploy/ondemand.service'), 'utf8');
  const names = new Set<string>();
  for (const [, sign, sets = ''] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm))
    for (const set of sets.split(' '))
      for (const name of await expand(set))
        if (sign === '~') names.delete(name);
        else names.add(name);
  const allowed = { names: [...names], action: 'SCMP_ACT_ALLOW' };
  return JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [allowed] });
}

async function expand(set: string): Promise<string[]> {
  const lines = (await runOk(['systemd-analyze', 'syscall-filter', set])).split('\n');
  const members = lines
    .map((line) => line.trim())
    .filter((line) => /^[@\w-]+$/.test(line) && line !== set);
  const nested = await Promise.all(
    members.map((name) => (name.startsWith('@') ? expand(name) : [name])),
  );
  return nested.flat();
}
