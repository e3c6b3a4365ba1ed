// How every request to an issuer is made: with a deadline, and never in clear text to another machine.

import { allowInsecureRequests, customFetch } from 'oauth4webapi';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';

/** For each function of oauth4webapi that asks the issuer. */
export function toRequestOptions(signal: AbortSignal) {
  return { [customFetch]: createGuardedFetch(signal), [allowInsecureRequests]: true };
}

/** Whether what is sent there stays on this machine. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/** Stands in for the library's own rule, which knows no loopback; sees each URL as it is asked. */
function createGuardedFetch(signal: AbortSignal) {
  return async (url: string, options: object): Promise<Response> => {
    assertPrivate(new URL(url));
    return fetch(url, {
      ...options,
      signal: AbortSignal.any([signal, AbortSignal.timeout(requestMs)]),
    });
  };
}

const requestMs = 7_000; // two of them, discovery and the question itself, fit into the time of a lock

/** Throws `CliError` for clear text to another machine. */
export function assertPrivate(url: URL): URL {
  if (url.protocol === 'https:' || isLoopback(url)) return url;
  throw clearText(url.host);
}

function clearText(host: string): CliError {
  return new CliError(
    exitCodes.failed,
    `The issuer at ${host} is not on https, so secrets sent there could be read on the way; give its https address with --issuer`,
  );
}
