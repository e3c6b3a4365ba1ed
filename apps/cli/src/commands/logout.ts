// `ondemand logout`: forgets a login here and ends it at the issuer.

import { defineCommand } from '../command-line/command.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Login, toApiKey, toMsLeft } from '../login/login-file-format.ts';
import { type Revocation, revoke, type TokenKind } from '../login/revoke.ts';
import { formatTimeLeft } from '../output/time-left.ts';
import { readEnvToken } from '../settings.ts';

export const logout = defineCommand({
  description: `Forget the login at the API and have the issuer revoke its tokens. It is forgotten here whether or
not the issuer answers; what could not be revoked is told, with exit code 6 if the issuer failed,
3 if it refused, and 1 if the client's secret is gone. A token that has ended needs no revoking.
--json prints {"url","removed","revoked","notRevoked"}.`,
  options: {},
  examples: ['ondemand logout', 'ondemand logout --url https://ondemand.example.com'],
  async run(context) {
    const { output, signal, env } = context;
    const url = toApiKey(await context.locate());
    const login = await forget(url, context);
    if (readEnvToken(env) !== undefined) {
      output.warn('ONDEMAND_TOKEN is set: its token still works, and is not revoked by this');
    }
    if (login === undefined) {
      const nothing = { url, removed: false, revoked: [], notRevoked: [] };
      output.show(nothing, () => `There is no login at ${url}\n`);
      return exitCodes.done;
    }
    const outcomes = await revokeAll(login, output, signal);
    const kindsOf = (fits: (outcome: Revocation) => boolean) =>
      [...outcomes].filter(([, outcome]) => fits(outcome)).map(([kind]) => kind);
    const result = {
      url,
      removed: true,
      revoked: kindsOf((outcome) => outcome === 'revoked'),
      notRevoked: kindsOf((outcome) => outcome !== 'revoked'),
    };
    for (const kind of result.notRevoked) output.warn(toLeftOver(kind, outcomes.get(kind), login));
    output.show(result, () => `Logged out of ${url}\n`);
    if (kindsOf((outcome) => outcome === 'failed').length > 0) return exitCodes.unavailable;
    if (kindsOf((outcome) => outcome === 'refused').length > 0) return exitCodes.denied;
    return kindsOf((outcome) => outcome === 'no secret').length > 0
      ? exitCodes.failed
      : exitCodes.done;
  },
});

/** Before the tokens are revoked, so that no other process renews or uses them meanwhile. */
async function forget(url: string, { logins, signal }: Context): Promise<Login | undefined> {
  return logins.change(signal, async ({ stored, save }) => {
    const { [url]: login, ...others } = stored.logins;
    if (login === undefined) return undefined;
    const current = stored.current === url ? undefined : stored.current;
    await save({ current, logins: others });
    return login;
  });
}

async function revokeAll(login: Login, output: Context['output'], signal: AbortSignal) {
  using _spinner = output.spin(`Asking ${login.issuer} to revoke the tokens`);
  return revoke(login, signal);
}

function toLeftOver(kind: TokenKind, outcome: Revocation | undefined, login: Login): string {
  const token = kind === 'refresh_token' ? 'refresh token' : 'access token';
  const msLeft = toMsLeft(login, Date.now());
  const end =
    kind === 'access_token' && Number.isFinite(msLeft) ? `; it ends ${formatTimeLeft(msLeft)}` : '';
  return `The ${token} could not be revoked: ${toReason(outcome, login)}${end}`;
}

function toReason(
  outcome: Revocation | undefined,
  { issuer, clientId, secretFile }: Login,
): string {
  if (outcome === 'unsupported') return 'the issuer revokes none of its kind';
  if (outcome === 'no secret') {
    return `the client secret cannot be read from ${secretFile}; end the session at ${issuer}`;
  }
  if (outcome === 'refused') {
    return `${issuer} refused; check that the client '${clientId}' may revoke there, and end the session there`;
  }
  return `${issuer} could not be asked; end the session there`;
}
