// The command line as people use it, before the whole product: in a terminal, or a process of its own, where that matters.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import type { Container } from '@ondemand/core';
import { beforeAll, expect, test } from 'vitest';
import { type Cli, startCli } from '../login/start-cli.ts';
import { findTool } from '../real-engine/real-engine-problem.ts';
import { openSuite } from '../support/disposer.ts';
import { run, runOk } from '../support/run.ts';
import { openSse } from '../support/sse.ts';
import { type App, startApp, startAppHere } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { report } from './reports.ts';

const bin = fileURLToPath(new URL('../../../apps/cli/bin/ondemand.js', import.meta.url));

let app: App;
let cli: Cli;
let env: Readonly<Record<string, string>>;
beforeAll(() =>
  openSuite(async (opened) => {
    app = opened.use(await startAppHere());
    env = { ONDEMAND_URL: app.url, ONDEMAND_TOKEN: app.tokens.admin, NO_COLOR: '1' };
    cli = opened.use(await startCli(env));
  }),
);

test(report(24, '--since without a zone is the local time of the caller'), async () => {
  // The same words half a world away are of another day.
  const inTokyo = new Date(Date.now() + 9 * 3_600_000 - 60_000).toISOString();
  for (const text of [inTokyo.slice(0, 19), inTokyo.slice(0, 16)]) {
    const inZone = (TZ: string) => cli.start(`logs nginx --since ${text}`, { env: { TZ } }).result;
    const there = await inZone('Asia/Tokyo');
    expect(there).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('\n') });
    const elsewhere = await inZone('Etc/GMT+12');
    expect(elsewhere).toMatchObject({ exitCode: 0, stdout: '' });
  }
  const refused = await cli.run('logs nginx --since 2026-02-30');
  expect(refused.exitCode).toBe(2);
});

const zsh = findTool('zsh');
test.skipIf(zsh === undefined)(
  `${report(25, 'zsh that finds the completion by fpath completes at the first Tab')}${zsh === undefined ? ' [skipped: zsh is not installed]' : ''}`,
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ondemand-completion-'));
    try {
      const { stdout } = await cli.run('completion zsh');
      await writeFile(join(folder, '_ondemand'), stdout);
      const wrapper = `#!/bin/sh\nexec ${process.execPath} ${bin} "$@"\n`;
      await writeFile(join(folder, 'ondemand'), wrapper, { mode: 0o755 });
      const script = `fpath=($1 $fpath); compadd() { print -l -- \${(P)@[-1]} }; compdef() {}
autoload -Uz _ondemand; words=(ondemand restart ng); CURRENT=3; _ondemand`;
      const typed = await runOk([zsh ?? '', '-fc', script, 'zsh', folder], {
        env: { ...env, PATH: `${folder}:${process.env.PATH}` },
      });
      expect(typed).toBe('nginx\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

/** What a terminal so wide gets, line by line. */
async function inTerminal(columns: number, args: string): Promise<readonly string[]> {
  const line = `stty cols ${columns} rows 50; ${process.execPath} ${bin} ${args}`;
  const { stdout } = await run(['script', '-qec', line, '/dev/null'], {
    env: { PATH: process.env.PATH, SHELL: '/bin/sh', TERM: 'xterm', ...env },
  });
  return stripVTControlCharacters(stdout)
    .split(/\r?\n/)
    .flatMap((text) => text.split('\r').at(-1) || []);
}

test.each([
  [80, ['ps', 'status', 'stats', 'inspect nginx']],
  [60, ['ps', 'jobs', 'inspect nginx']],
  [40, ['ps', 'stats', 'whoami']],
])(report(28, 'in a terminal of %i columns no table wraps'), async (columns, commands) => {
  for (const args of commands) {
    const lines = await inTerminal(columns, args);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
    if (args !== 'ps' || columns < 60) continue;
    const containers = await app.getJson<Container[]>('/containers');
    for (const { name } of containers) expect(lines.join('\n')).toContain(name);
  }
});

test(report(28, 'a port of IPv4 and of IPv6 is shown once'), async () => {
  for (const args of ['ps', 'inspect nginx']) {
    const { stdout } = await cli.run(args);
    expect(stdout).toContain('0.0.0.0:');
    expect(stdout).not.toContain('[::]:');
  }
});

test(
  report(29, 'what is so already is done: exit 0 with that word, while REST keeps its 409'),
  async () => {
    const running = await cli.run('vm start');
    expect(running).toEqual({ exitCode: 0, stdout: 'oci-flex already running\n', stderr: '' });
    expect((await app.post('/vm/start')).status).toBe(409);
    app.sandbox.world.setLifecycleState('STOPPED');
    try {
      for (const args of ['vm stop --yes', 'vm stop --yes --hard', 'vm stop --yes --wait']) {
        const stopped = await cli.run(args);
        expect(stopped).toMatchObject({
          exitCode: 0,
          stdout: expect.stringMatching(/^oci-flex already stopped\n/),
        });
      }
      expect((await app.post('/vm/stop')).status).toBe(409);
      expect((await cli.run('vm reboot --yes')).exitCode).toBe(5);
    } finally {
      app.sandbox.world.setLifecycleState('RUNNING');
      await until('the containers', async () => (await app.get('/containers')).ok);
    }
  },
);

test(report(30, 'a container name that is nearly right is named by each command'), async () => {
  for (const verb of [
    'start',
    'stop',
    'restart',
    'rebuild',
    'logs',
    'logs -f',
    'inspect',
    'stats',
  ]) {
    const { exitCode, stderr } = await cli.run(`${verb} ngnix`);
    expect({ verb, exitCode }).toEqual({ verb, exitCode: 4 });
    expect(stderr).toContain("No container named 'ngnix'");
    expect(stderr).toContain("did you mean 'nginx'?");
  }
});

test(
  report(10, 'vm stop --wait is through though the address may not be read, and the events tell'),
  async () => {
    Object.assign(app.sandbox.faults.oci, {
      status: 404,
      only: ({ operation }: { operation: string }) => /Vnic/.test(operation),
    });
    try {
      await using events = await openSse(app, '/events');
      expect(await cli.run('vm stop --wait --yes')).toMatchObject({ exitCode: 0 });
      for (let last = ''; !/"lifecycleState":"STOPPED"/.test(last); ) {
        last = (await events.next())?.data ?? expect.unreachable('the events ended');
      }
    } finally {
      app.sandbox.faults.reset();
      app.sandbox.world.setLifecycleState('RUNNING');
      await until('the containers', async () => (await app.get('/containers')).ok);
    }
  },
);

test(
  report(27, 'each watch and follow says that it tries again once the API is gone'),
  async () => {
    await using other = await startApp();
    const given = { ONDEMAND_URL: other.url, ONDEMAND_TOKEN: other.tokens.admin };
    const commands = ['ps --watch', 'stats nginx --watch', 'logs nginx -f', 'events'];
    // A build that goes on for as long as nobody ends it.
    const labels = other.sandbox.vm.engine.find('nginx')?.spec.labels ?? {};
    const project = labels['com.docker.compose.project.working_dir'] ?? '';
    await writeFile(
      join(project, 'Dockerfile'),
      'FROM nginx:1.29-alpine\nRUN echo it hangs; sleep 3600\n',
    );
    commands.push('rebuild nginx');
    const started = commands.map((args) => ({ args, ...cli.start(args, { env: given }) }));
    try {
      for (const { args, stdout, stderr } of started) {
        const poke = () => args === 'events' && other.post('/containers/nginx/restart');
        await until(
          `${args} to show something`,
          async () => {
            if (args.startsWith('rebuild')) return stderr().includes('it hangs');
            if (stdout() === '') await poke();
            return stdout() !== '';
          },
          { intervalMs: 500 },
        );
      }
      await other.server.kill();
      for (const { args, stderr } of started) {
        await until(`${args} to say so`, () => /Trying again: /.test(stderr()));
        if (args.includes('watch')) expect(stderr()).toMatch(/what is shown is of \d\d:\d\d:\d\d/);
      }
    } finally {
      for (const { child } of started) child.kill('SIGINT');
      for (const { result } of started) expect((await result).exitCode).toBe(130);
    }
  },
);
