import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startTestVm, type TestVm } from '../../testing/vm.test-support.ts';
import { parseComposeArguments } from './arguments.ts';
import { parseDockerfile, toRunSteps } from './dockerfile.ts';
import { toService } from './service.ts';
import { interpolate } from './variables.ts';

interface Stack extends TestVm {
  readonly folder: string;
  up(options?: { service?: string; file?: string; tool?: string }): ReturnType<TestVm['run']>;
}

async function start(name = 'web'): Promise<Stack> {
  const app = await startTestVm();
  onTestFinished(() => app[Symbol.asyncDispose]());
  const folder = join(app.home, 'stacks', name);
  return {
    ...app,
    folder,
    up: ({ service = 'nginx', file = join(folder, 'compose.yml'), tool = 'docker compose' } = {}) =>
      app.run(
        `DOCKER_HOST=unix:///var/run/docker.sock ${tool} -p ${name} -f ${file} --project-directory ${folder} up -d --build --no-deps ${service}`,
      ),
  };
}

test('up --build recreates a container whose sources have changed, and only then', async () => {
  const app = await start();
  const { engine } = app.vm;
  const before = engine.find('nginx');
  await writeFile(join(app.folder, 'html/new.html'), 'new');
  const first = await app.up();
  expect(first).toMatchObject({ exitCode: 0 });
  expect(first.stdout).toContain('COPY html /usr/share/nginx/html\n');
  expect(first.stdout).toContain('checking the configuration');
  expect(first.stderr).toMatch(
    / Container nginx {2}Recreate\n(.*\n)* Container nginx {2}Started\n$/,
  );

  const after = engine.find('nginx');
  expect(after?.id).not.toBe(before?.id);
  expect(after?.spec.imageId).not.toBe(before?.spec.imageId);
  expect(engine.containers.filter(({ name }) => name.includes('nginx'))).toHaveLength(1);
  expect(after).toMatchObject({
    name: 'nginx',
    status: 'running',
    spec: {
      image: 'web-nginx',
      network: 'web_default',
      ports: [{ containerPort: 80, hostPort: 8080, protocol: 'tcp' }],
      env: expect.arrayContaining(['TZ=Europe/Paris', 'SITE_NAME=Chez nous']),
      mounts: [{ type: 'bind', source: join(app.folder, 'html'), readOnly: true }],
      labels: {
        'com.docker.compose.project': 'web',
        'com.docker.compose.service': 'nginx',
        'com.docker.compose.project.working_dir': app.folder,
        'com.docker.compose.project.config_files': join(app.folder, 'compose.yml'),
      },
    },
  });

  const second = await app.up();
  expect(second.stdout).toContain('CACHED');
  expect(second.stderr).toBe(' Container nginx  Running\n');
  expect(engine.find('nginx')?.id).toBe(after?.id);
});

test('the first rebuild of the untouched stack has something to do', async () => {
  const app = await start();
  const id = app.vm.engine.find('nginx')?.id;
  expect((await app.up()).exitCode).toBe(0);
  expect(app.vm.engine.find('nginx')?.id).not.toBe(id);
});

test.each(['RUN exit 3', 'RUN echo hi && false', 'COPY nowhere /srv'])(
  'a build that fails at %s changes nothing',
  async (line) => {
    const app = await start();
    const id = app.vm.engine.find('nginx')?.id;
    const dockerfile = join(app.folder, 'Dockerfile');
    await writeFile(dockerfile, `${await readFile(dockerfile, 'utf8')}${line}\n`);
    for (const _again of [1, 2]) {
      const end = await app.up();
      expect(end.exitCode).toBe(17);
      expect(end.stderr).toMatch(/failed to solve: .+\n$/);
    }
    expect(app.vm.engine.find('nginx')).toMatchObject({ id, status: 'running' });
  },
);

test('docker-compose v1 does the same in its own words', async () => {
  const app = await start('photos');
  const { engine } = app.vm;
  const options = {
    service: 'gallery',
    file: join(app.folder, 'docker-compose.yml'),
    tool: 'docker-compose',
  };
  const before = engine.find('photos_gallery_1');
  expect(before?.spec.labels['com.docker.compose.project.config_files']).toBe('docker-compose.yml');
  const same = await app.up(options);
  expect(same).toMatchObject({
    exitCode: 0,
    stderr: 'Building gallery\nphotos_gallery_1 is up-to-date\n',
  });
  expect(same.stdout).toContain(' ---> Using cache\n');
  await writeFile(join(app.folder, 'gallery.py'), 'print("more")\n');
  const changed = await app.up(options);
  expect(changed.stdout).toContain('Successfully tagged photos_gallery:latest\n');
  expect(changed.stderr).toContain('Recreating photos_gallery_1 ... done\n');
  expect(engine.find('photos_gallery_1')?.id).not.toBe(before?.id);
  await writeFile(join(app.folder, 'Dockerfile'), 'FROM scratch\nRUN exit 4\n');
  const failed = await app.up(options);
  expect(failed.exitCode).toBe(1);
  expect(failed.stderr).toContain("The command '/bin/sh -c exit 4' returned a non-zero code: 4\n");
});

test.each([
  [{ service: 'nope' }, 1, 'no such service: nope\n'],
  [{ file: '/nowhere/compose.yml' }, 1, 'open /nowhere/compose.yml: no such file or directory\n'],
  [{ service: 'nope', tool: 'docker-compose' }, 1, 'No such service: nope\n'],
])('up with %o fails in words', async (options, exitCode, stderr) => {
  const app = await start();
  expect(await app.up(options)).toMatchObject({ exitCode, stderr });
});

test('build and up leave dependencies alone, keep replicas, and recreate one whose network is gone', async () => {
  const app = await start();
  const { engine } = app.vm;
  const file = join(app.folder, 'deps.yml');
  const write = (page: string) =>
    writeFile(
      file,
      JSON.stringify({
        services: {
          vpn: { build: { context: '.', args: { PAGE: page } }, depends_on: ['db'] },
          app: { image: 'nginx', network_mode: 'service:vpn' },
          db: { image: 'postgres' },
        },
      }),
    );
  await writeFile(join(app.folder, 'Dockerfile'), 'FROM nginx\nARG PAGE\nRUN echo page\n');
  await write('one');
  const compose = (line: string) =>
    app.run(`DOCKER_HOST=unix:///var/run/docker.sock docker compose -p deps -f ${file} ${line}`);
  const idOf = (name: string) => engine.find(name)?.id;
  await compose('up -d --scale vpn=2');
  const before = { db: idOf('deps-db-1'), vpn: idOf('deps-vpn-1'), app: idOf('deps-app-1') };
  expect(engine.find('deps-app-1')?.spec.network).toBe(`container:${before.vpn}`);
  expect(engine.find('deps-vpn-1')?.spec.labels['com.docker.compose.depends_on']).toContain('db:');
  await write('two');
  expect(await compose('build vpn')).toMatchObject({ exitCode: 0 });
  expect(idOf('deps-vpn-1')).toBe(before.vpn);
  await compose('up -d --scale vpn=2 vpn');
  expect(idOf('deps-db-1')).toBe(before.db);
  expect(idOf('deps-vpn-1')).not.toBe(before.vpn);
  expect(idOf('deps-vpn-2')).toBeDefined();
  expect(idOf('deps-app-1')).toBe(before.app);
  expect((await compose('ps -q vpn')).stdout).toContain(`${idOf('deps-vpn-1')}\n`);
  await compose('up -d app');
  expect(engine.find('deps-app-1')?.spec.network).toBe(`container:${idOf('deps-vpn-1')}`);
  expect((await compose('config --services')).stdout).toBe('vpn\napp\ndb\n');
  expect(await compose('config --quiet gone')).toMatchObject({
    exitCode: 1,
    stderr: 'no such service: gone\n',
  });
});

test('a broken compose file fails before anything is built', async () => {
  const app = await start();
  await writeFile(join(app.folder, 'compose.yml'), 'services:\n  nginx: [\n');
  const end = await app.up();
  expect(end).toMatchObject({ exitCode: 1, stdout: '' });
  expect(end.stderr).toMatch(/^yaml: /);
});

test('what a VM lacks of compose is missing as on a real one', async () => {
  const app = await start();
  app.faults.docker.compose = 'v1';
  expect(await app.run('docker compose version')).toMatchObject({ exitCode: 1 });
  expect(await app.run('docker-compose version --short')).toMatchObject({ stdout: '1.29.2\n' });
  app.faults.docker.compose = 'v2';
  expect(await app.run('docker-compose version')).toMatchObject({ exitCode: 127 });
  expect(await app.run('docker compose version --short')).toMatchObject({ stdout: '2.39.1\n' });
  app.faults.docker.compose = 'none';
  expect(await app.run('docker compose version')).toMatchObject({ exitCode: 1 });
  expect(await app.run('docker-compose version')).toMatchObject({ exitCode: 127 });
});

test('a detached build survives its SSH connection and leaves log and exit code in files', async () => {
  const app = await start();
  const id = app.vm.engine.find('nginx')?.id;
  await writeFile(join(app.folder, 'Dockerfile'), 'FROM nginx:1.29-alpine\nRUN sleep 0.5\n');
  const job = join(app.home, 'job');
  await mkdir(job);
  const client = await app.login();
  const up = `docker compose -p web -f ${app.folder}/compose.yml up -d --build --no-deps nginx`;
  const script = `flock ${job}/lock sh -c "${up}; echo \\$? > ${job}/code" > ${job}/log 2>&1`;
  await app.run(`setsid sh -c '${script}' < /dev/null > /dev/null 2>&1 &`, { client });
  client.destroy();
  const code = (): Promise<string> => readFile(join(job, 'code'), 'utf8').catch(() => '');
  await expect.poll(code).toBe('0\n');
  expect(await readFile(join(job, 'log'), 'utf8')).toContain('Container nginx  Started');
  expect(app.vm.engine.find('nginx')?.id).not.toBe(id);
});

test('a build that is killed recreates nothing', async () => {
  const app = await start();
  const id = app.vm.engine.find('nginx')?.id;
  await writeFile(join(app.folder, 'Dockerfile'), 'FROM nginx:1.29-alpine\nRUN sleep 60\n');
  const up = `docker compose -p web -f ${app.folder}/compose.yml up -d --build --no-deps nginx`;
  expect(await app.run(`timeout 1 ${up}`)).toMatchObject({ exitCode: 124 });
  expect(app.vm.engine.find('nginx')?.id).toBe(id);
});

test('a second file overrides the first, and .env fills in', async () => {
  const app = await start();
  await writeFile(join(app.folder, '.env'), 'SITE_NAME="Ailleurs"\n');
  const over = join(app.folder, 'over.yml');
  await writeFile(over, 'services: {nginx: {environment: {EXTRA: "1"}, ports: ["9090:90/udp"]}}\n');
  const file = `${join(app.folder, 'compose.yml')} -f ${over}`;
  expect(await app.up({ file })).toMatchObject({ exitCode: 0 });
  const { spec } = app.vm.engine.find('nginx') ?? {};
  expect(spec?.env).toEqual(expect.arrayContaining(['SITE_NAME=Ailleurs', 'EXTRA=1']));
  expect(spec?.ports.map(({ hostPort }) => hostPort)).toEqual([8080, 9090]);
  expect(spec?.labels['com.docker.compose.project.config_files']).toBe(file.replace(' -f ', ','));
});

test('a host port that is taken fails the start with the engine reason', async () => {
  const app = await start();
  app.vm.engine.add({
    name: 'squatter',
    ports: [{ containerPort: 1, protocol: 'tcp', hostPort: 9_090 }],
  });
  const over = join(app.folder, 'over.yml');
  await writeFile(over, 'services: {nginx: {ports: ["9090:90"]}}\n');
  const end = await app.up({ file: `${join(app.folder, 'compose.yml')} -f ${over}` });
  expect(end.exitCode).toBe(1);
  expect(end.stderr).toMatch(/^Error response from daemon: .*port is already allocated$/m);
});

test('ps and config show the project', async () => {
  const app = await start();
  const compose = `docker compose --project-directory ${app.folder}`;
  const { stdout } = await app.run(`${compose} ps`);
  expect(stdout).toMatch(
    /^NAME +IMAGE +COMMAND +SERVICE +CREATED +STATUS +PORTS\nnginx .*\nweb-whoami-1 /,
  );
  expect((await app.run(`${compose} config`)).stdout).toContain('SITE_NAME: Chez nous');
});

test.each([
  [
    '-p web -f a.yml -f /b.yml --project-directory sub up -d --build --no-deps nginx',
    {
      projectName: 'web',
      files: ['/cwd/a.yml', '/b.yml'],
      projectDirectory: '/cwd/sub',
      command: 'up',
      services: ['nginx'],
    },
  ],
  ['--project-name=web --ansi never up -t 5 -- -odd', { projectName: 'web', services: ['-odd'] }],
  ['version --short', { command: 'version', files: [] }],
])('the command line %s is understood', (line, expected) => {
  expect(parseComposeArguments(line.split(' '), '/cwd')).toMatchObject(expected);
});

test('an unknown flag is refused with the exit code of compose', () => {
  expect(() => parseComposeArguments(['--nope', 'up'], '/')).toThrow(
    expect.objectContaining({ message: 'unknown flag: --nope', exitCode: 16 }),
  );
});

test.each([
  ['8080:80', [{ containerPort: 80, hostPort: 8080, protocol: 'tcp' }]],
  ['80', [{ containerPort: 80, protocol: 'tcp' }]],
  [
    '127.0.0.1:53:53/udp',
    [{ containerPort: 53, hostPort: 53, protocol: 'udp', hostIps: ['127.0.0.1'] }],
  ],
  ['[::1]:53:53', [{ containerPort: 53, hostPort: 53, protocol: 'tcp', hostIps: ['::1'] }]],
  [
    '8000-8001:80-81',
    [
      { containerPort: 80, hostPort: 8000, protocol: 'tcp' },
      { containerPort: 81, hostPort: 8001, protocol: 'tcp' },
    ],
  ],
  [
    { target: 80, published: '8080', host_ip: '127.0.0.1' },
    [{ containerPort: 80, hostPort: 8080, protocol: 'tcp', hostIps: ['127.0.0.1'] }],
  ],
])('the port %j is %j', async (port, expected) => {
  expect((await toService('x', { image: 'y', ports: [port] }, '/')).ports).toEqual(expected);
});

test.each([
  [`$A and \${A}`, '1 and 1'],
  [`\${MISSING:-x} \${EMPTY:-y} \${EMPTY-z} \${A:+set}`, 'x y  set'],
  [`$$A \${MISSING}`, '$A '],
])('%s interpolates to %s', (text, expected) => {
  expect(interpolate({ list: [text] }, { A: '1', EMPTY: '' })).toEqual({ list: [expected] });
});

test('a required variable that is missing is an error', () => {
  expect(() => interpolate(`\${A:?say it}`, {})).toThrow(
    'required variable A is missing a value: say it',
  );
});

test('a Dockerfile is read with its comments, continuations and stages', () => {
  const text = '# syntax\nFROM a AS b\nRUN echo one \\\n  && echo two\n\ncopy --from=b / /\n';
  expect(parseDockerfile(text).map(({ name }) => name)).toEqual(['FROM', 'RUN', 'COPY']);
  expect(() => parseDockerfile('FORM a\n')).toThrow('unknown instruction: FORM');
  expect(toRunSteps('echo "a b" && sleep 0.5; exit 3')).toEqual([
    { kind: 'print', text: 'a b' },
    { kind: 'wait', ms: 500 },
    { kind: 'exit', exitCode: 3 },
  ]);
});
