// Has the issuer end a login that is forgotten here, and tells what is left of it.

import type { Context } from '../command-context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { formatTimeLeft } from '../output/time-left.ts';
import { isLoggedOut, type Login, toMsLeft } from './login-file-format.ts';
import { type Revocation, revoke, type TokenKind } from './revoke.ts';

export interface Ended {
  readonly revoked: readonly TokenKind[];
  readonly notRevoked: readonly TokenKind[];
  /** 6 where the issuer failed, 3 where it refused, 1 where the client's secret is gone. */
  readonly exitCode: ExitCode;
}

/** Warns of each token that lives on. Throws only when `signal` aborts. */
export async function endLogin(
  login: Login,
  { output, signal }: Pick<Context, 'output' | 'signal'>,
): Promise<Ended> {
  if (isLoggedOut(login)) return { revoked: [], notRevoked: [], exitCode: exitCodes.done };
  const outcomes = await revokeAll(login, output, signal);
  const kindsOf = (fits: (outcome: Revocation) => boolean) =>
    [...outcomes].filter(([, outcome]) => fits(outcome)).map(([kind]) => kind);
  const notRevoked = kindsOf((outcome) => outcome !== 'revoked');
  for (const kind of notRevoked) output.warn(toLeftOver(kind, outcomes.get(kind), login));
  const has = (outcome: Revocation) => kindsOf((one) => one === outcome).length > 0;
  return {
    revoked: kindsOf((outcome) => outcome === 'revoked'),
    notRevoked,
    exitCode: has('failed')
      ? exitCodes.unavailable
      : has('refused')
        ? exitCodes.denied
        : has('no secret')
          ? exitCodes.failed
          : exitCodes.done,
  };
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
