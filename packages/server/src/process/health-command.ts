// `ondemand-server --health`: asks the server that runs with the same environment. It loads next to nothing, for a container asks every few seconds.

import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { isIPv6 } from 'node:net';
import { parseEnvFile } from '../config/env-file.ts';

/** So long an answer may take. */
const timeoutMs = 5_000;

/** One line that says what is wrong; undefined where `/healthz` is answered as it should be. */
export async function findHealthProblem(
  environment: Readonly<Record<string, string | undefined>>,
  envFile?: string,
): Promise<string | undefined> {
  let variables = environment;
  try {
    if (envFile !== undefined) variables = addFile(environment, readFileSync(envFile, 'utf8'));
  } catch (error) {
    return `--env-file ${envFile}: cannot be read (${codeOf(error)})`;
  }
  const host = toReachable(variables.HOST?.trim() || '127.0.0.1');
  const port = variables.PORT?.trim() || '5000';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535 || Number(port) < 1)
    return 'PORT: must be a port, 1 to 65535';
  const url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}/healthz`;
  try {
    const status = await ask(host, Number(port));
    return status === 200 ? undefined : `${url} answered ${status}`;
  } catch (error) {
    return error instanceof Error && error.name === 'AbortError'
      ? `${url} gave no answer within ${timeoutMs / 1000} s`
      : `${url} gave no answer (${codeOf(error)})`;
  }
}

/** As in the server: an empty variable counts as left out, and what the process has wins. */
function addFile(environment: Readonly<Record<string, string | undefined>>, text: string) {
  const { variables, asNodeReads } = parseEnvFile(text);
  const own = Object.entries(environment).filter(
    ([name, value]) => value && value !== asNodeReads[name],
  );
  return { ...variables, ...Object.fromEntries(own) };
}

/** What listens on all addresses is asked on the loopback's. */
function toReachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return isIPv6(host) && /^[0:]+$/.test(host) ? '::1' : host;
}

/** Resolves with the status, once all of the answer is here. */
function ask(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { host: 'localhost' }; // Node's own would have the zone of an address, which is no part of it
    const asked = request(
      { host, port, path: '/healthz', headers, agent: false, signal },
      (response) => {
        response
          .once('error', reject)
          .once('end', () => resolve(response.statusCode))
          .resume();
      },
    );
    asked.once('error', reject).end();
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : 'unknown error';
}
