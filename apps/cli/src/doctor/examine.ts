// `ondemand doctor`: the CLI's own layers, from the file of logins to the token, then the API's diagnosis.

import { isApiError } from '@ondemand/client';
import { readTarget } from '../api-target.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { toFailure } from '../to-failure.ts';
import { checkApi } from './api-answer.ts';
import { type Check, createReport, type Report } from './check.ts';
import { checkConfigFile } from './config-file.ts';
import { checkNetwork } from './network.ts';
import { type Caller, checkToken } from './token.ts';

export interface Examination {
  /** No check failed. */
  readonly ok: boolean;
  /** ISO 8601. */
  readonly checkedAt: string;
  readonly url: string | undefined;
  readonly checks: readonly Check[];
}

/** Throws only what the user's interrupt aborts with, and what is a fault of ours. */
export async function examine(context: Context): Promise<Examination> {
  const report = createReport();
  const checkedAt = new Date().toISOString();
  const url = await examineInto(report, context);
  const checks = report.list();
  return { ok: checks.every(({ status }) => status !== 'failed'), checkedAt, url, checks };
}

async function examineInto(report: Report, context: Context): Promise<string | undefined> {
  const { env, signal, source } = context;
  const canReadLogins = await checkConfigFile(context, report);
  const hasOwn = Boolean(env.ONDEMAND_TOKEN?.trim());
  if (!canReadLogins && !hasOwn) return undefined;
  let url: string;
  try {
    const target = await readTarget(source);
    url = target.url;
    report.ok('url', `The API is at ${url}, by ${toOrigin(context, target.context?.name)}`);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    report.failed('url', error.message, 'ondemand context ls, or ondemand login --url URL');
    return undefined;
  }
  if (!(await checkNetwork(new URL(url), report, { env, signal }))) return url;
  const metadata = await checkApi(url, report, { signal });
  if (metadata === undefined) return url;
  const caller = await checkToken(context, metadata, report);
  if (caller !== undefined) await askApi(caller, report, context);
  return url;
}

function toOrigin({ source, env }: Context, name: string | undefined): string {
  if (source.url !== undefined) return '--url';
  if (name !== undefined) return `the context ${name}`;
  return env.ONDEMAND_URL ? 'ONDEMAND_URL' : 'default, as nothing says where it is';
}

async function askApi(
  { client, scopes }: Caller,
  report: Report,
  { signal, tokenOrigin }: Context,
): Promise<void> {
  const name = 'diagnose';
  if (!scopes.includes('admin')) {
    const next = 'ondemand-server --check, on the machine of the API';
    report.skipped(
      name,
      `The layers behind the API are told to callers with the scope admin, and this token has ${scopes.join(', ') || 'none'}`,
      tokenOrigin === 'ONDEMAND_TOKEN' ? next : `${tokenOrigin} --scope admin, or ${next}`,
    );
    return;
  }
  try {
    const { checks } = await client.diagnose.query(undefined, { signal, timeoutMs });
    report.add(checks);
  } catch (error) {
    signal.throwIfAborted();
    if (isApiError(error, 'NOT_FOUND')) {
      report.skipped(name, 'The API is older than this ondemand, and cannot diagnose itself');
      return;
    }
    const { message } = await toFailure(error, tokenOrigin);
    report.failed(name, message, 'ondemand-server --check, on the machine of the API');
  }
}

/** The API's own bound is a few seconds longer than what its SSH connection may take. */
const timeoutMs = 180_000;
