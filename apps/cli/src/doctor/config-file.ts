// The file of logins: whether it can be read, and by nobody else. Looked at before anything repairs it.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readEnvToken } from '../api-target.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { toConfigFolder } from '../login/login-store.ts';
import type { Report } from './check.ts';

const name = 'config-file';

/** False where it cannot be used. */
export async function checkConfigFile(
  { env, logins }: Pick<Context, 'env' | 'logins'>,
  report: Report,
): Promise<boolean> {
  const folder = findFolder(env, report);
  if (folder === undefined) return false;
  const file = join(folder, 'logins.json');
  const [ofFolder, ofFile] = await Promise.all([folder, file].map(readMode));
  if (ofFile === undefined) {
    report.skipped(name, `There is no ${file}: this user has not logged in yet`);
    return true;
  }
  const mode = (value: number) => value.toString(8).padStart(4, '0');
  const isWindows = process.platform === 'win32';
  if (!isWindows && (ofFile & 0o077) !== 0) {
    report.failed(
      name,
      `${file} has the mode ${mode(ofFile)}, so others on this machine could read the tokens in it; ondemand takes that away where it may, but who has read them keeps them`,
      'ondemand logout, then ondemand login, where somebody else uses this machine',
      { mode: mode(ofFile) },
    );
    return await canRead(logins);
  }
  if (!isWindows && ofFolder !== undefined && (ofFolder & 0o022) !== 0) {
    report.failed(
      name,
      `${folder} has the mode ${mode(ofFolder)}, so others on this machine can put another file in place of the logins`,
      `chmod 700 ${folder}`,
      { mode: mode(ofFolder) },
    );
    return true;
  }
  try {
    const { logins: all } = await logins.read();
    const count = Object.keys(all).length;
    report.ok(name, `${file} can be read, by this user alone`, { contexts: count });
    return true;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    report.failed(name, error.message, `ls -l ${file}`);
    return false;
  }
}

function findFolder(env: Context['env'], report: Report): string | undefined {
  try {
    return toConfigFolder(env);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    if (readEnvToken(env) === undefined)
      report.failed(name, error.message, 'export HOME=/path/to/a/folder');
    else
      report.skipped(
        name,
        'This user has no home, so there are no logins; ONDEMAND_TOKEN needs none',
      );
    return undefined;
  }
}

async function canRead(logins: Context['logins']): Promise<boolean> {
  return logins.read().then(
    () => true,
    () => false,
  );
}

async function readMode(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode & 0o7777;
  } catch {
    return undefined;
  }
}
