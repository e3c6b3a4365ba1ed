// The command line as a user has it, with one folder for its logins: in this process, or the built bin where a process is what counts.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
// No part of the package, which is the built bin.
import { runHere } from '../../../apps/cli/src/testing/run-here.test-support.ts';
import { until } from '../support/until.ts';

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  /** Without the lines that a slow machine brings about: each wait of over a second says what it waits for. */
  readonly stderr: string;
}

export interface CliProcess {
  readonly child: ChildProcess;
  readonly result: Promise<CliResult>;
  /** What it wrote so far. */
  stdout(): string;
  stderr(): string;
}

/** As the CLI keeps it. */
export interface StoredLogin {
  readonly issuer: string;
  readonly clientId: string;
  readonly scope: string;
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly expiresAt?: string;
}

export interface Cli extends AsyncDisposable {
  /** In this process, which costs a tenth. */
  run(args: string, options?: RunOptions): Promise<CliResult>;
  /** A process of its own, for tests about signals, locks and time zones. */
  start(args: string, options?: RunOptions): CliProcess;
  /** `ondemand login`, up to the code that it shows. */
  startLogin(args?: string): Promise<CliProcess & { readonly userCode: string }>;
  /** Writes a file beside the logins; its path. */
  write(name: string, text: string): Promise<string>;
  /** The login at this URL as it is stored. */
  readLogin(url: string): Promise<StoredLogin>;
  storeLogin(url: string, login: StoredLogin): Promise<void>;
  /** Lets an hour pass for the lock that a dead process left behind. */
  ageLock(): Promise<void>;
  /** Lets a day pass for the login: its access token counts as ended. */
  endAccessToken(url: string): Promise<void>;
  /** Permissions of what is in the folder of the logins, the folder itself as `.`. */
  readModes(): Promise<Record<string, string>>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

const bin = fileURLToPath(new URL('../../../apps/cli/bin/ondemand.js', import.meta.url));

/** It inherits nothing but PATH. Disposing removes all that was stored, and fails when any command wrote a stored token. */
export async function startCli(baseEnv: Readonly<Record<string, string>>): Promise<Cli> {
  const config = await mkdtemp(join(tmpdir(), 'ondemand-login-'));
  const folder = join(config, 'ondemand');
  const file = join(folder, 'logins.json');
  const tokens = new Set<string>();
  let written = '';

  const readStored = async () => JSON.parse(await readFile(file, 'utf8'));

  async function noteTokens(): Promise<void> {
    const stored = await readStored().catch(() => ({ logins: {} }));
    for (const login of Object.values<StoredLogin>(stored.logins)) {
      for (const token of [login.accessToken, login.refreshToken]) {
        if (token !== undefined) tokens.add(token);
      }
    }
  }

  const start: Cli['start'] = (args, { env = {}, input } = {}) => {
    const child = spawn(process.execPath, [bin, ...args.split(' ')], {
      env: { PATH: process.env.PATH, XDG_CONFIG_HOME: config, ...baseEnv, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: 120_000,
      killSignal: 'SIGKILL',
    });
    child.stdin.on('error', () => {}); // it may end without reading its input
    child.stdin.end(input ?? '');
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
        written += text;
      });
    }
    const result = new Promise<CliResult>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) =>
        resolve({
          exitCode: code ?? -1,
          stdout: output.stdout,
          stderr: withoutWaits(output.stderr),
        }),
      );
    }).then(async (ended) => {
      await noteTokens();
      return ended;
    });
    return { child, result, stdout: () => output.stdout, stderr: () => output.stderr };
  };

  return {
    start,
    async run(args, { env = {}, input } = {}) {
      const { exitCode, stdout, stderr } = await runHere(args.split(' '), {
        env: { XDG_CONFIG_HOME: config, ...baseEnv, ...env },
        ...(input !== undefined && { input }),
      });
      written += stdout + stderr;
      await noteTokens();
      return { exitCode: exitCode ?? -1, stdout, stderr: withoutWaits(stderr) };
    },
    async startLogin(args = '') {
      const login = start(`login ${args}`.trim());
      const match = await until('the code', () =>
        /code ([A-Z0-9]{4}-[A-Z0-9]{4})\n/.exec(login.stderr()),
      );
      return { ...login, userCode: match[1] ?? '' };
    },
    async write(name, text) {
      const path = join(config, name);
      await writeFile(path, text);
      return path;
    },
    readLogin: async (url) => (await readStored()).logins[url],
    async storeLogin(url, login) {
      await mkdir(folder, { mode: 0o700, recursive: true });
      const stored = { version: 1, current: url, logins: { [url]: login } };
      await writeFile(file, JSON.stringify(stored), { mode: 0o600 });
    },
    async ageLock() {
      const anHourAgo = new Date(Date.now() - 3_600_000);
      await utimes(`${file}.lock`, anHourAgo, anHourAgo);
    },
    async endAccessToken(url) {
      const stored = await readStored();
      stored.logins[url].expiresAt = new Date(Date.now() - 1000).toISOString();
      await writeFile(file, JSON.stringify(stored));
    },
    async readModes() {
      const names = ['.', ...(await readdir(folder))];
      const modes = names.map(async (name) => {
        const { mode } = await stat(join(folder, name));
        return [name, (mode & 0o777).toString(8)] as const;
      });
      return Object.fromEntries(await Promise.all(modes));
    },
    async [Symbol.asyncDispose]() {
      await rm(config, { recursive: true, force: true });
      const leaked = [...tokens].filter((token) => written.includes(token));
      if (leaked.length > 0) throw new Error(`The CLI wrote ${leaked.length} of its tokens`);
    },
  };
}

function withoutWaits(stderr: string): string {
  return stderr.replace(/^ondemand: Waiting for .*\n/gm, '');
}
