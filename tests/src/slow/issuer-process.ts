// An issuer that others wrote, as a plain process on loopback with its state in a temporary folder.

import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';
import { type Disposer, openAll } from '../support/disposer.ts';
import { until } from '../support/until.ts';

/** As `describe`, but for what is not installed here: then the reason stands in the title. */
export function describeIfInstalled(
  title: string,
  needed: Readonly<Record<string, string>>,
  tests: () => void,
): void {
  const missing = Object.entries(needed).find(([path]) => findFile(path) === undefined);
  if (missing === undefined) {
    describe(title, tests);
    return;
  }
  const [path, debianPackage] = missing;
  const reason = `${path} is not installed (Debian: apt-get install ${debianPackage})`;
  describe.skip(`${title} [skipped: ${reason}]`, tests);
}

/** A path, or a command of `PATH`. */
function findFile(path: string): string | undefined {
  const folders = path.startsWith('/') ? [''] : (process.env.PATH ?? '').split(delimiter);
  return folders.map((folder) => join(folder, path)).find(isReadable);
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

export async function makeStateFolder(opened: Disposer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-issuer-'));
  opened.add(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface IssuerProcessOptions {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Answered with any status once it is up. */
  readonly url: string;
}

/** Resolves once it answers; rejects with its output when it ends instead. */
export function startIssuerProcess(
  command: string,
  { args, cwd, env, url }: IssuerProcessOptions,
): Promise<AsyncDisposable> {
  return openAll(async (opened) => {
    const child = spawn(command, args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: cwd, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let hasEnded = false;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const closed = new Promise<void>((resolve) => {
      child.once('error', (error) => {
        output += error.message;
        hasEnded = true;
        resolve();
      });
      child.once('close', () => {
        hasEnded = true;
        resolve();
      });
    });
    opened.add(async () => {
      child.kill('SIGTERM');
      await closed;
    });
    await until(`${command} to answer`, async () => {
      if (hasEnded) return true;
      return fetch(url, { redirect: 'manual' }).then(
        () => true,
        () => false,
      );
    });
    if (hasEnded) throw new Error(`${command} ended; it wrote:\n${output}`);
    return {};
  });
}
