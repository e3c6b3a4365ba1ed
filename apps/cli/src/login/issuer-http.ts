// How every request to an issuer is made: with a deadline, and never in clear text to another machine.

import { allowInsecureRequests, customFetch } from 'oauth4webapi';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { startDeadline } from '../wait/deadline.ts';

/** For each function of oauth4webapi that asks the issuer. */
export function toRequestOptions(signal: AbortSignal, timeoutMs = requestMs) {
  return { [customFetch]: createGuardedFetch(signal, timeoutMs), [allowInsecureRequests]: true };
}

const requestMs = 7_000; // three of them, discovery in two ways and the request itself, fit into the time of a lock

/** Whether what is sent there stays on this machine. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/** Stands in for the library's own rule, which knows no loopback; sees each URL as it is asked. */
function createGuardedFetch(signal: AbortSignal, timeoutMs: number) {
  return async (url: string, options: object): Promise<Response> => {
    assertPrivate(new URL(url));
    using deadline = startDeadline(timeoutMs, signal);
    return await deadline.bound(load(url, { ...options, signal: deadline.signal }));
  };
}

/** With its body, so that a deadline is that of the whole answer. */
async function load(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options);
  const body = withoutIdToken(await response.text());
  const answer = new Response(body === '' ? null : body, response); // the status of an empty one may allow none
  answer.headers.delete('www-authenticate'); // with this header the library ignores the body, which says more
  return answer;
}

/** Nothing here reads an ID token, and the library would refuse a login for one that this machine's clock disagrees with. */
function withoutIdToken(text: string): string {
  if (!text.includes('"id_token"')) return text;
  try {
    const { id_token: _unused, ...answer } = JSON.parse(text);
    return JSON.stringify(answer);
  } catch {
    return text;
  }
}

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
