// Issues 9 and 20: a rebuild builds what the project's owner meant, and leaves what their own command would leave.

import { chmod, chown, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ContainerActionResult, Job } from '@ondemand/core';
import { type Sandbox, startSandbox } from '@ondemand/sandbox';
import { beforeAll, describe, expect, test } from 'vitest';
import { baseImage } from '../real-engine/base-image.ts';
import { type ComposeVersion, composeProblem, everydayCompose } from '../real-engine/compose.ts';
import { describeRealEngine } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { openSuite } from '../support/disposer.ts';
import { expectApiError } from '../support/expect-api-error.ts';
import { startServerHere } from '../support/start-api-in-this-process.ts';
import { type App, createCaller } from '../support/start-sandbox-and-api.ts';
import { createProject } from './compose-folder.ts';
import { report } from './reports.ts';

describeRealEngine('rebuild on a real engine (issues 9 and 20)', () => {
  let vm: RealVm;
  let sandbox: Sandbox;
  let api: Pick<App, 'get' | 'post' | 'postJson' | 'getJson'>;
  beforeAll(() =>
    openSuite(async (opened) => {
      sandbox = opened.use(await startSandbox());
      vm = opened.use(await startRealVm());
      const roots = { COMPOSE_ROOTS: dirname(vm.home) };
      const server = opened.use(await startServerHere({ ...sandbox.env, ...vm.env, ...roots }));
      const [read, admin] = await Promise.all([sandbox.tokens.read(), sandbox.tokens.admin()]);
      api = createCaller(server.url, { read, admin });
    }),
  );

  const rebuild = async (name: string) => {
    // As long as the test itself may take: builds go on side by side.
    const signal = AbortSignal.timeout(4 * 60_000);
    const response = await api.post(`/containers/${name}/rebuild`, { signal });
    const text = await response.text();
    if (!response.ok) throw new Error(`${name}: ${response.status} ${text}`);
    return JSON.parse(text) as ContainerActionResult; // the shape that the tests then check
  };
  const refuse = async (name: string) => {
    const response = await api.post(`/containers/${name}/rebuild`);
    return (await expectApiError(response, 'CONFLICT')).message;
  };
  const outputOf = async ({ job }: ContainerActionResult) =>
    (await api.getJson<Job>(`/jobs/${job}`)).output;

  // Projects of their own, so side by side: much of it is waiting for compose.
  describe.concurrent.each<ComposeVersion>(['v2', 'v1'])('with compose %s', (version) => {
    const problem = composeProblem(version);
    const testHere = test.skipIf(problem !== undefined);
    // What compose itself decides is the same in both, and v1 is slow.
    const testOnce = (name: string, run: () => Promise<void>) => {
      if (version === everydayCompose) testHere(name, run);
    };
    const title = (name: string) =>
      problem === undefined ? name : `${name} [skipped: ${problem}]`;
    const project = (name: string) => createProject(vm, `${version}-${name}`, version);

    testHere(
      title(
        report(1, 'a link in the path is resolved again by each rebuild, and the labels keep it'),
      ),
      async () => {
        const site = await project('site');
        const current = `${version}-current`;
        const release = async (number: number) => {
          const folder = await site.inFolder(`releases/${number}`);
          const web = number === 1 ? folder.plain() : folder.built(`release ${number}`);
          await folder.write('compose.yml', { web });
          await rm(join(site.folder, current), { force: true });
          await symlink(`releases/${number}`, join(site.folder, current));
        };
        await release(1);
        await site.compose(['-f', join(site.folder, current, 'compose.yml'), 'up', '-d']);
        const web = site.container('web', current);
        const labels = await site.pathLabels(web);
        expect(labels).toContain(`/${current}`);
        await release(2);
        expect(await rebuild(web)).toMatchObject({ status: 'success', changed: true });
        expect(await site.pageOf(web)).toBe('release 2');
        expect(await site.pathLabels(web)).toBe(labels);
        await release(3);
        await rebuild(web);
        expect(await site.pageOf(web)).toBe('release 3');
        expect(await site.pathLabels(web)).toBe(labels);
      },
    );

    testHere(
      title(
        "issue 20: it leaves what the owner's own up leaves: the same labels, dependencies untouched, nothing to do next",
      ),
      async () => {
        const stack = await project('stack');
        const own = 'of the project';
        const services = (web: object) => ({
          web: { ...web, depends_on: ['db'], environment: { HERE: '$PWD' } },
          db: stack.plain(),
        });
        await stack.write('docker-compose.yml', services(stack.plain(own)));
        await stack.compose(['up', '-d']);
        const [web, db] = [stack.container('web'), stack.container('db')];
        const dbId = await stack.idOf(db);
        await stack.write('docker-compose.yml', services(stack.built('two', own)));
        const result = await rebuild(web);
        expect(result).toMatchObject({ container: web, changed: true });
        expect(await stack.pageOf(web)).toBe('two');
        expect(await stack.idOf(db)).toBe(dbId);
        const ids = [await stack.idOf(web), await stack.idOf(db)];
        await stack.compose(['up', '-d']);
        expect([await stack.idOf(web), await stack.idOf(db)]).toEqual(ids);

        const labels = await stack.labelsOf(web);
        await stack.compose(['up', '-d', '--force-recreate']);
        expect(labels).toEqual(await stack.labelsOf(web));

        // Nothing to do is no change, and a dependency that was stopped is named.
        expect(await rebuild(web)).toMatchObject({ changed: false });
        await vm.docker('stop', '-t', '1', db);
        const again = await rebuild(web);
        expect(again.changed).toBe(false);
        expect(await outputOf(again)).toContain(db);
        expect(await stack.stateOf(db)).toBe('running');
      },
    );

    testHere(
      title(report(3, 'replicas stay as many as they are, and the answer names one that is there')),
      async () => {
        const farm = await project('farm');
        await farm.write('docker-compose.yml', { web: farm.built('two') });
        const replicas = await farm.create('web', { replicas: 3 });
        const result = await rebuild(replicas[1] ?? '');
        expect(result).toMatchObject({ container: replicas[1], changed: true });
        for (const replica of replicas) expect(await farm.pageOf(replica)).toBe('two');
      },
    );

    testOnce(
      title(report(3, 'a container that its file calls otherwise now is answered by its new name')),
      async () => {
        const named = await project('named');
        await named.create('web', { name: `${version}-old` });
        const web = { ...named.built('two'), container_name: `${version}-new` };
        await named.write('docker-compose.yml', { web });
        const result = await rebuild(`${version}-old`);
        expect(result).toMatchObject({ container: `${version}-new`, changed: true });
        expect(await named.stateOf(`${version}-new`)).toBe('running');
      },
    );

    testHere(
      title(
        'issue 20: who shares the network of the replaced one is named, and its own rebuild heals it',
      ),
      async () => {
        const net = await project('net');
        const services = (vpn: object) => ({
          vpn,
          app: { ...net.plain(), network_mode: 'service:vpn' },
        });
        await net.write('docker-compose.yml', services(net.plain('of the project')));
        await net.compose(['up', '-d']);
        const [vpn, app] = [net.container('vpn'), net.container('app')];
        const hand = `${version}-by-hand`;
        const sharing = ['--name', hand, '--network', `container:${vpn}`];
        await vm.docker('create', ...sharing, baseImage, 'sleep', '9999');
        await net.write('docker-compose.yml', services(net.built('two', 'of the project')));
        const result = await rebuild(vpn);
        const output = await outputOf(result);
        for (const text of [result.warnings?.join('\n'), output]) {
          expect(text).toContain(`rebuild '${app}' as well`);
          expect(text).toContain(`remove '${hand}' and create it again`);
        }
        expect(await net.networkOf(app)).not.toBe(`container:${await net.idOf(vpn)}`);
        const vpnId = await net.idOf(vpn);
        const healed = await rebuild(app);
        expect(healed).toMatchObject({ changed: true });
        expect(await net.networkOf(app)).toBe(`container:${vpnId}`);
        expect(await net.idOf(vpn)).toBe(vpnId);
      },
    );

    testHere(
      title(
        'issue 20: a service that is gone from the file is refused by that, and its container left alone',
      ),
      async () => {
        const orphan = await project('orphan');
        await orphan.write('docker-compose.yml', { web: orphan.built('two') });
        const [web = ''] = await orphan.create('web');
        const [old = ''] = await orphan.create('old');
        await vm.docker('start', old);
        const message = await refuse(old);
        expect(message).toMatch(/no longer in '.*docker-compose\.yml'/);
        expect(await orphan.stateOf(old)).toBe('running');
        // Compose's own warnings are told with a success, too: the old one is an orphan to it.
        const { warnings } = await rebuild(web);
        expect(warnings?.join('\n')).toContain('orphan containers');
      },
    );

    testOnce(
      title(
        "issue 20: a variable of the owner's shell is in no label, and compose's warning is shown",
      ),
      async () => {
        const shell = await project('shell');
        await shell.write('docker-compose.yml', {
          web: { ...shell.plain(), environment: { MODE: '$MODE' } },
        });
        await shell.compose(['up', '-d'], { env: { MODE: 'x' } });
        const result = await rebuild(shell.container('web'));
        expect(result.warnings?.join('\n')).toMatch(/MODE.* variable is not set/);
        expect(await outputOf(result)).toContain('variable is not set');
      },
    );

    testOnce(title(report(7, "a comma in a folder's name is no end of a path")), async () => {
      const odd = await project('odd');
      const folder = await odd.inFolder('a,b');
      await folder.write('compose.yml', { web: folder.plain() });
      await folder.write('more.yml', { web: { init: true } });
      const files = ['compose.yml', 'more.yml'].flatMap((file) => [
        '-f',
        join(folder.folder, file),
      ]);
      await folder.compose([...files, '-p', `${version}odd`, 'up', '-d']);
      await folder.write('compose.yml', { web: folder.built('two') });
      const web = folder.container('web', `${version}odd`);
      await rebuild(web);
      expect(await odd.pageOf(web)).toBe('two');
    });
  });

  describe.concurrent("compose v1's labels, relative to the folder that it was called in", () => {
    const version = 'v1';

    test(
      report(
        2,
        'called above: the file and the --env-file are found from there, the .env beside the file',
      ),
      async () => {
        const above = await createProject(vm, 'above', version);
        const app = await above.inFolder('app');
        const services = (web: object) => ({
          web: { ...web, environment: { FROM_DOTENV: '$FROM_DOTENV' } },
        });
        await app.write('docker-compose.yml', services(app.plain()));
        await app.writeText('.env', 'FROM_DOTENV=beside the file\n');
        await above.writeText('prod.env', 'FROM_DOTENV=prod\n');
        for (const [options, expected] of [
          [['--env-file', 'prod.env'], 'prod'],
          [[], 'beside the file'],
        ] as const) {
          const call = [...options, '-f', 'app/docker-compose.yml', '-p', 'above'];
          await above.compose([...call, 'up', '-d']);
          await app.write('docker-compose.yml', services(app.built(`two, ${expected}`)));
          await rebuild('above_web_1');
          expect(await above.pageOf('above_web_1')).toBe(`two, ${expected}`);
          expect(await above.environmentOf('above_web_1')).toContain(`FROM_DOTENV=${expected}`);
          const labels = await above.labelsOf('above_web_1');
          await above.compose([...call, 'up', '-d', '--force-recreate']);
          expect(labels).toEqual(await above.labelsOf('above_web_1'));
        }

        // The same name once more below: which of them it was made from, no label says.
        const decoy = await app.inFolder('app');
        await decoy.write('docker-compose.yml', { web: decoy.built('the wrong one') });
        const message = await refuse('above_web_1');
        expect(message).toContain("'app/docker-compose.yml'");
        expect(message).toContain("'app/app/docker-compose.yml'");
        expect(await above.pageOf('above_web_1')).toContain('two');
      },
    );

    test(report(2, 'called beside: the file is found, and its label stays'), async () => {
      const all = await createProject(vm, 'neighbours', version);
      const [here, there] = [await all.inFolder('here'), await all.inFolder('there')];
      await there.write('x.yml', { web: there.plain() });
      await here.compose(['-p', 'beside', '-f', '../there/x.yml', 'up', '-d']);
      const labels = await there.labelsOf('beside_web_1');
      await there.write('x.yml', { web: there.built('two') });
      await rebuild('beside_web_1');
      expect(await there.pageOf('beside_web_1')).toBe('two');
      expect(await there.pathLabels('beside_web_1')).toContain('=../there/x.yml');
      expect(Object.keys(await there.labelsOf('beside_web_1'))).toEqual(Object.keys(labels));
    });

    test(report(2, 'called below: the file above is found'), async () => {
      const below = await createProject(vm, 'below', version);
      const sub = await below.inFolder('sub/deeper');
      await below.write('docker-compose.yml', { web: below.plain() });
      await sub.compose(['-p', 'below', 'up', '-d']);
      expect(await below.pathLabels('below_web_1')).toContain('../../docker-compose.yml');
      await below.write('docker-compose.yml', { web: below.built('two') });
      await rebuild('below_web_1');
      expect(await below.pageOf('below_web_1')).toBe('two');
    });

    test(report(7, 'a project that v1 alone would call so is rebuilt'), async () => {
      const config = await createProject(vm, '_config', version);
      await config.write('docker-compose.yml', { web: config.plain() });
      await config.compose(['up', '-d']);
      await config.write('docker-compose.yml', { web: config.built('two') });
      await rebuild('config_web_1');
      expect(await config.pageOf('config_web_1')).toBe('two');
    });
  });

  test(
    report(
      4,
      'a project behind a folder that the SSH user may not enter is refused by that folder, with what to do',
    ),
    async () => {
      const closed = await createProject(vm, 'closed');
      const inner = await closed.inFolder('inner');
      await inner.write('docker-compose.yml', { web: inner.built('one') });
      await inner.create('web', { name: 'closed' });
      await chown(closed.folder, 0, 0);
      await chmod(closed.folder, 0o750);
      const message = await refuse('closed');
      expect(message).toContain("the SSH user 'opc' may not enter the folder 'closed'");
      expect(message).toContain('setfacl');
      expect(message).not.toContain('no longer');
    },
  );

  test(report(4, 'a forced command is told as one at once, and nothing is started'), async () => {
    const forced = await createProject(vm, 'forced');
    await forced.write('docker-compose.yml', { web: forced.built('one') });
    await forced.create('web', { name: 'forced' });
    await vm.sshd.restart(['ForceCommand echo welcome']);
    try {
      await expect.poll(async () => (await api.get('/containers')).status).toBe(200);
      const response = await api.post('/containers/forced/rebuild');
      const { message } = await expectApiError(response, 'SERVICE_UNAVAILABLE');
      expect(message).toMatch(/forced command/);
      expect(message).toMatch(/Nothing was started/);
    } finally {
      await vm.sshd.restart();
    }
  });
});
