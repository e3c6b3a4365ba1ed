// What a bug report needs, in one file: what doctor found, versions, and how this ondemand is set up. No token, no secret.

import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { arch, platform, release } from 'node:os';
import type { Environment } from '../api-target.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { exitCodes } from '../exit-codes.ts';
import { listContexts } from '../login/contexts.ts';
import { findHome } from '../login/login-store.ts';
import { writePrivateFile } from '../login/private-file.ts';
import { version } from '../version.ts';
import { toContextFacts } from '../views/context-table.ts';
import type { Examination } from './examine.ts';

export interface BundleTarget {
  readonly file: string;
  /** Whether what is there already may go. */
  readonly force: boolean;
}

/** Throws `CliError` where there is such a file already. */
export function requireFree({ file, force }: BundleTarget): void {
  if (!force && existsSync(file)) throw exists(file);
}

/** For the user alone to read. Throws `CliError` when it cannot be written. */
export async function writeBundle(
  { file, force }: BundleTarget,
  examination: Examination,
  context: Pick<Context, 'env' | 'logins'>,
): Promise<void> {
  const text = `${JSON.stringify(redact(await collect(examination, context), context.env), null, 2)}\n`;
  try {
    if (force) return await writePrivateFile(file, text);
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(text);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') throw exists(file);
    throw new CliError(exitCodes.failed, `${file} cannot be written (${code}); name another file`, {
      cause: error,
    });
  }
}

async function collect(doctor: Examination, { env, logins }: Pick<Context, 'env' | 'logins'>) {
  const stored = await logins.read().catch(() => undefined);
  return {
    about: 'ondemand doctor --bundle: look through it before you send it',
    createdAt: new Date().toISOString(),
    versions: { ondemand: version, node: process.version },
    system: { platform: platform(), release: release(), arch: arch() },
    doctor,
    contexts: stored === undefined ? null : listContexts(stored).map(toContextFacts),
    /** Their names alone. */
    environment: Object.keys(env).sort(),
  };
}

/** Strings without what the environment keeps secret, what has the form of a token, and where the user's home is. */
export function redact(value: unknown, env: Environment, home = findHome({})): unknown {
  const secrets = Object.entries(env).flatMap(([name, secret = '']) =>
    /TOKEN|SECRET|PASS|KEY|AUTH|CREDENTIAL/i.test(name) && secret.length >= 6 ? [secret] : [],
  );
  const homes = [home ?? '', env.HOME ?? ''].filter((path) => path.length > 1);
  return walk(value);

  function walk(part: unknown): unknown {
    if (typeof part === 'string') return clean(part);
    if (Array.isArray(part)) return part.map(walk);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, walk(inner)]));
  }

  function clean(text: string): string {
    const known = secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text);
    const plain = known
      .replaceAll(/eyJ[\w-]+\.[\w-]*(?:\.[\w-]*)*/g, '…')
      .replaceAll(/(\w+:\/\/)[^\s/@:]+(?::[^\s/@]*)?@/g, '$1…@')
      .replaceAll(/ocid1\.[\w.-]+/g, 'ocid1.…');
    return homes.reduce((rest, path) => rest.replaceAll(path, '~'), plain);
  }
}

function exists(file: string): CliError {
  return new CliError(exitCodes.failed, `${file} exists already; --force writes over it`);
}
