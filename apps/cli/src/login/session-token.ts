// Gives the token of a stored login, a new one when the old one is about to end.

import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import type { LoginStore } from './login-store.ts';
import { type Login, toApiKey, toMsLeft, toRenewal } from './stored-logins.ts';

export interface SessionToken {
  readonly url: string;
  /** As it was read at the start. */
  readonly login: Login;
  readonly store: LoginStore;
  readonly signal: AbortSignal;
  readonly now?: () => number;
}

/**
 * A function to ask before each call. Calls at the same time share one renewal, as do all processes of the CLI.
 * A renewal that fails while the old token still holds is tried again later; one whose last moments have come is not given out
 * as long as a new one may be had. Throws `CliError`:
 * `denied` when only the user can renew, `unavailable` when the issuer cannot be asked.
 */
export function createSessionToken(options: SessionToken): () => Promise<string> {
  const { now = Date.now } = options;
  let { login } = options;
  let renewal: Promise<Login> | undefined;
  let nextTryAtMs = Number.NEGATIVE_INFINITY;

  async function renewOrKeep(): Promise<Login> {
    try {
      return await renewStored(options, now);
    } catch (error) {
      nextTryAtMs = now() + retryMs;
      const neededMs = isFinal(error) ? 0 : lastMomentsMs;
      if (options.signal.aborted || toMsLeft(login, now()) <= neededMs) {
        throw toTold(error, options);
      }
      return login;
    }
  }

  return async () => {
    const canWait = nextTryAtMs > now() && toMsLeft(login, now()) > lastMomentsMs;
    if (!isEnding(login, now()) || canWait) return login.accessToken;
    renewal ??= renewOrKeep().finally(() => {
      renewal = undefined;
    });
    login = await renewal;
    return login.accessToken;
  };
}

const marginMs = 60_000;
const retryMs = 10_000;
/** Ours counts from when the token came, the API from when it was issued: what refuses it then as ended is not asked again. */
const lastMomentsMs = 5_000;

function isEnding(login: Login, nowMs: number): boolean {
  return toMsLeft(login, nowMs) < marginMs;
}

async function renewStored({ url, store, signal }: SessionToken, now: () => number) {
  return store.change(signal, async ({ stored, save, signal: untilLost }) => {
    const key = toApiKey(url);
    const latest = stored.logins[key];
    const { renew, toLogInAgain } = await import('./renew.ts'); // late, so that other calls do not load an OAuth client
    if (latest === undefined) throw toLogInAgain();
    if (!isEnding(latest, now())) return latest; // another process was first
    if (toRenewal(latest) === 'none') throw toLogInAgain();
    const fresh = await renew(latest, untilLost);
    await save({ ...stored, logins: { ...stored.logins, [key]: fresh } });
    return fresh;
  });
}

/** Only the user can help. */
function isFinal(error: unknown): boolean {
  return error instanceof CliError && error.exitCode === exitCodes.denied;
}

/** The lock's own deadline is all that can end the work without a reason of its own. */
function toTold(error: unknown, { login, signal }: SessionToken): unknown {
  const isTimeout = error instanceof DOMException && error.name === 'TimeoutError';
  if (signal.aborted || !isTimeout) return error;
  return new CliError(
    exitCodes.unavailable,
    `The issuer ${login.issuer} took too long to renew the login; try again later`,
    { cause: error },
  );
}
