// Runs the commands of documents that need no more than the sandbox, as they stand there: see `pages.ts`.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { type App, startAppHere } from '../support/start-sandbox-and-api.ts';
import { readPages, root, toCommands } from './pages.ts';

/** What a newcomer pastes first; a test of every run has them. The others have theirs among the slow tests. */
export const firstPages: readonly string[] = ['README.md', 'docs/getting-started.md'];

/** A test for each page with such commands that `isIncluded`, all against one sandbox. */
export function describeCommands(isIncluded: (path: string) => boolean): void {
  const pages = readPages()
    .map(({ path, blocks }) => ({ path, blocks: blocks.filter(({ info }) => info === 'sh') }))
    .filter(({ path, blocks }) => blocks.length > 0 && isIncluded(path));

  let app: App;
  let folder = '';
  let env: Record<string, string | undefined> = {};
  beforeAll(() =>
    openSuite(async (opened) => {
      folder = await mkdtemp(join(tmpdir(), 'ondemand-docs-'));
      opened.add(() => rm(folder, { recursive: true, force: true }));
      app = opened.use(await startAppHere());
      await writePrograms(join(folder, 'bin'));
      const { env: sandboxEnv } = app.sandbox;
      const variables = Object.entries(sandboxEnv).map((pair) => pair.join('='));
      await writeFile(join(folder, 'ondemand.env'), `${variables.join('\n')}\n`, { mode: 0o600 });
      await writeFile(join(folder, 'sandbox.json'), JSON.stringify({ env: sandboxEnv }));
      const { job } = await app.postJson<{ job: string }>('/containers/nginx/rebuild');
      env = {
        PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
        HOME: folder,
        NO_COLOR: '1',
        URL: app.url,
        TOKEN: app.tokens.admin,
        READ_TOKEN: app.tokens.read,
        ONDEMAND_URL: app.url,
        ONDEMAND_TOKEN: app.tokens.admin,
        JOB: job,
      };
    }),
  );

  describe.each(pages)('$path', ({ blocks }) => {
    test('its commands work, in their order', async () => {
      await app.postJson('/vm/wake');
      await app.postJson('/containers/nginx/start');
      const kept: string[] = [];
      for (const { place, text } of blocks) {
        for (const command of toCommands(text)) {
          const expected = Number(/# exit (\d+)$/.exec(command)?.[1] ?? 0);
          const result = await runLine([...kept, command].join('\n'), {
            env,
            cwd: folder,
            endless: isEndless(command),
          });
          expect(result, `${place}: ${command}`).toMatchObject({ exitCode: expected });
          // What a reader's shell keeps for the lines that follow.
          if (/^(export \w+=|\w+=\S*$|\w+=\$\(.*\)$|cd |alias )/.test(command)) kept.push(command);
        }
      }
    });
  });
}

function isEndless(command: string): boolean {
  const [words = ''] = command.split(' #');
  if (words.includes('follow=false')) return false;
  return /curl .*-\w*N\b|ondemand (logs|jobs) .*-f\b|--watch\b|ondemand events$/.test(words.trim());
}

interface LineOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly endless: boolean;
}

/** One that has no end is interrupted, as by Ctrl-C, once it has written something; its exit code counts as 0. */
async function runLine(script: string, { env, cwd, endless }: LineOptions) {
  const child = spawn('sh', ['-ec', script], {
    env,
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, which is interrupted as a whole
    timeout: 120_000,
  });
  let [output, interrupted] = ['', false];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (!endless || interrupted || stream === child.stderr) return;
      interrupted = true;
      process.kill(-(child.pid ?? 0), 'SIGINT');
    });
  }
  const [code] = await once(child, 'close');
  return { exitCode: interrupted ? 0 : code, output };
}

/** What the documents call `ondemand`, `ondemand-server` and `npx --yes pnpm@10 …`, without the build before each. */
async function writePrograms(bin: string): Promise<void> {
  const node = (path: string) => `exec ${process.execPath} ${join(root, path)} "$@"`;
  const programs = {
    ondemand: node('apps/cli/bin/ondemand.js'),
    'ondemand-server': node('packages/server/bin/ondemand-server.js'),
    // npx --yes pnpm@10 [--silent] SCRIPT [--] ARGUMENTS
    npx: 'shift 2; [ "$1" != --silent ] || shift; script="$1"; shift; [ "$1" != -- ] || shift\ncase "$script" in ondemand) exec ondemand "$@";; serve) exec ondemand-server "$@";; *) exit 127;; esac',
  };
  await mkdir(bin);
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  }
}
