// The token of a stored login, renewed shortly before it expires.

import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import {
  isLoggedOut,
  type Login,
  toApiKey,
  toMarginMs,
  toMsLeft,
  toRenewal,
} from './login-file-format.ts';
import type { LoginStore } from './login-store.ts';

export interface SessionToken {
  readonly url: string;
  /** What the login is stored by, where that is not the URL. */
  readonly key?: string;
  /** What gets another login. */
  readonly command?: string;
  /** As it was read at the start. */
  readonly login: Login;
  readonly store: LoginStore;
  /** Ends a renewal that has not been asked for yet; one under way is finished and stored. */
  readonly signal: AbortSignal;
  /** Told what is waited for once that has lasted for a second. */
  readonly onWait?: (text: string) => void;
  readonly now?: () => number;
}

/** To be asked before each call, and once more with the token that the API refused. */
export type TokenFunction = (request?: {
  readonly refused?: string | undefined;
}) => Promise<string>;

/**
 * Calls at the same time share one renewal, as do all processes of the CLI.
 * A refused token is replaced by the newest stored one, which another process may have got meanwhile, else by a renewal;
 * where there is none it is given again.
 * A renewal that fails while the old token still holds is tried again later; one whose last moments have come is not given out
 * as long as a new one may be had. Throws `CliError`:
 * `denied` when only the user can renew, `unavailable` when the issuer cannot be asked.
 */
export function createSessionToken(options: SessionToken): TokenFunction {
  const { now = Date.now } = options;
  let { login } = options;
  let renewal: Promise<Login> | undefined;
  let nextTryAtMs = Number.NEGATIVE_INFINITY;

  async function renewOrKeep(refused: string | undefined): Promise<Login> {
    try {
      return await renewStored(options, {
        mustRenew: (latest) => isUseless(latest, refused, now()),
        isRefused: refused !== undefined,
      });
    } catch (error) {
      nextTryAtMs = now() + retryMs;
      const neededMs = isFinal(error) ? 0 : toLastMomentsMs(login);
      const isKept = refused === undefined && toMsLeft(login, now()) > neededMs;
      if (isKept && !options.signal.aborted) return login;
      throw toTold(error, options);
    }
  }

  return async ({ refused } = {}) => {
    const canWait = nextTryAtMs > now() && toMsLeft(login, now()) > toLastMomentsMs(login);
    const isGood = !isUseless(login, refused, now());
    if (isGood || (canWait && refused === undefined)) return login.accessToken;
    renewal ??= renewOrKeep(refused).finally(() => {
      renewal = undefined;
    });
    login = await renewal;
    return login.accessToken;
  };
}

const retryMs = 10_000;
const announceMs = 1_000;

/** Ours counts from when the token came, the API from when it was issued: what refuses it then as ended is not asked again. */
function toLastMomentsMs(login: Login): number {
  return Math.min(5_000, toMarginMs(login) / 2);
}

function isUseless(login: Login, refused: string | undefined, nowMs: number): boolean {
  return login.accessToken === refused || toMsLeft(login, nowMs) < toMarginMs(login);
}

interface Need {
  readonly mustRenew: (latest: Login) => boolean;
  readonly isRefused: boolean;
}

async function renewStored(
  { url, key = toApiKey(url), command, store, signal, onWait = () => {} }: SessionToken,
  { mustRenew, isRefused }: Need,
): Promise<Login> {
  const newest = (await store.read()).logins[key];
  if (newest !== undefined && !mustRenew(newest)) return newest; // another process was first
  return store.change(signal, async ({ stored, save, signal: untilLost }) => {
    const latest = stored.logins[key];
    const { renew, toLogInAgain } = await import('./renew.ts'); // late, so that other calls do not load an OAuth client
    if (latest === undefined || isLoggedOut(latest)) throw toLogInAgain({ command });
    if (!mustRenew(latest)) return latest; // another process was first
    if (toRenewal(latest) === 'none') {
      if (isRefused) return latest; // the API's own words say more
      throw toLogInAgain({ command });
    }
    const text = `Waiting for the issuer ${latest.issuer} to renew the login`;
    const timer = setTimeout(() => onWait(text), announceMs);
    try {
      const fresh = await renew(latest, { signal: untilLost, stop: signal, command });
      await save({ ...stored, logins: { ...stored.logins, [key]: fresh } });
      return fresh;
    } finally {
      clearTimeout(timer);
    }
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
