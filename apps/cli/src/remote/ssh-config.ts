// An entry for ssh's configuration, by which any program that uses ssh wakes the VM and trusts its key.

import { realpathSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Environment, readEnvToken, readTarget, type Target } from '../api-target.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { toConfigFolder } from '../login/login-store.ts';
import { writePrivateFile } from '../login/private-file.ts';
import { hostAlias } from './known-hosts.ts';
import { quote } from './quote.ts';
import { keepAlive, quotePath, trustSettings } from './ssh-arguments.ts';
import type { SshOptions } from './wake-and-prepare-ssh.ts';

export interface HostEntry {
  readonly options: Pick<SshOptions, 'user' | 'identity' | 'option' | 'no-wake'>;
  /** What ssh shall know the VM by. */
  readonly host: string | undefined;
}

/** Holds no token: the API is named, and the login is looked up when the entry is used. */
export async function toHostEntry(
  context: Context,
  { options, host = hostAlias }: HostEntry,
): Promise<string> {
  const target = await readTarget(context.source);
  const user = options.user ?? (await context.sshUser());
  if (target.context === undefined && readEnvToken(context.env) !== undefined) {
    context.output.warn(
      'ONDEMAND_TOKEN does not go into the entry: what uses it needs the variable too, or an ondemand login',
    );
  }
  const lines: readonly (readonly string[])[] = [
    ...(user === undefined ? [] : [['User', user] as const]),
    ...options.identity.map((file) => ['IdentityFile', quotePath(file)] as const),
    ['ProxyCommand', toProxyCommand(target, options)],
    // The time of a wake, which is none of the network's.
    ['ConnectTimeout', '600'],
    ['UserKnownHostsFile', quotePath(toKnownHostsPath(context.env, target.url))],
    // An older ssh would stop at what it does not know.
    ...trustSettings.filter(([name]) => name !== 'KnownHostsCommand'),
    ...options.option.map((setting) => [setting] as const),
    ...Object.entries(keepAlive),
  ];
  return [title, `Host ${host}`, ...lines.map((line) => `  ${line.join(' ')}`), ''].join('\n');
}

/** In the folder of the logins, a file for each API. */
export function toKnownHostsPath(env: Environment, url: string): string {
  const name = url.replace(/\/+$/, '').replace(/[^a-zA-Z0-9.]+/g, '_');
  return join(toConfigFolder(env), 'known_hosts', name);
}

/** The file's whole path. Throws `CliError` rather than write over what ondemand did not write. */
export async function writeHostEntry(file: string, entry: string): Promise<string> {
  const path = resolve(file);
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const former = await readFile(path, 'utf8').catch(noneIfMissing);
    if (former !== '' && !former.startsWith(title)) {
      throw new CliError(
        exitCodes.failed,
        `${path} holds something else and was left as it is; name another FILE, or append the entry: ondemand ssh --config >> ${path}`,
      );
    }
    await writePrivateFile(path, entry);
    return path;
  } catch (error) {
    if (error instanceof CliError) throw error;
    const { code } = error as NodeJS.ErrnoException; // of the file system alone
    throw new CliError(exitCodes.failed, `${path} cannot be written (${code}); name another FILE`, {
      cause: error,
    });
  }
}

const title = '# Written by ondemand ssh --config';

function noneIfMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return '';
  throw error;
}

/** ssh gives it to the user's shell, after its own `%` tokens. */
function toProxyCommand(
  { url, context }: Target,
  { 'no-wake': noWake }: HostEntry['options'],
): string {
  const bin = realpathSync(process.argv[1] ?? '');
  const target = context === undefined ? ['--url', url] : ['--context', context.name];
  const argv = [process.execPath, bin, 'ssh', '--proxy', ...target];
  return quote(noWake ? [...argv, '--no-wake'] : argv).replaceAll('%', '%%');
}
