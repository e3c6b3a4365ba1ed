// Stores a new login, and ends the one that it replaces.

import type { Context } from '../command-context.ts';
import { startDeadline } from '../wait/deadline.ts';
import { type NewLogin, putLogin } from './contexts.ts';
import { isLoggedOut, type Login } from './login-file-format.ts';
import { revoke } from './revoke.ts';

/** Gives the login that was replaced. Tokens that cannot be kept are given back, as nobody would know of them. */
export async function keepLogin(
  fresh: NewLogin,
  { logins, signal }: Context,
): Promise<Login | undefined> {
  try {
    return await logins.change(signal, async ({ stored, save }) => {
      const { stored: changed, former } = putLogin(stored, fresh);
      await save(changed);
      return former;
    });
  } catch (error) {
    if (!signal.aborted) await revoke(fresh.login, signal);
    throw error;
  }
}

/** Else its tokens would live on where nobody knows of them. What the new login shares with it is left alone. */
export async function revokeFormer(
  former: Login,
  { accessToken, refreshToken }: Login,
  { output, signal }: Context,
): Promise<void> {
  if (isLoggedOut(former)) return;
  const isSame = (mine?: string, other?: string) => mine !== undefined && mine === other;
  if (isSame(former.accessToken, accessToken) || isSame(former.refreshToken, refreshToken)) return;
  using deadline = startDeadline(revocationMs, signal);
  try {
    const outcomes = await deadline.bound(revoke(former, deadline.signal));
    const isLeft = [...outcomes.values()].some(
      (outcome) => outcome !== 'revoked' && outcome !== 'unsupported',
    );
    if (isLeft)
      output.warn(`The former login could not be revoked; end its session at ${former.issuer}`);
  } catch (error) {
    if (signal.aborted) throw error;
    output.warn(`The former login was not revoked in time; end its session at ${former.issuer}`);
  }
}

const revocationMs = 8_000;
