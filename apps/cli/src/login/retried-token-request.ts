// A token request that is retried without the optional parts when the issuer refuses it.

import type { AuthorizationServer } from 'oauth4webapi';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { type IssuerFailure, isBare, toCliError, toIssuerFailure } from './issuer-failure.ts';
import {
  isScopeRefusal,
  type TokenRequest,
  toOtherName,
  toReducedRequest,
} from './token-request.ts';

export interface Question {
  readonly server: AuthorizationServer;
  readonly tokenRequest: TokenRequest;
  readonly signal: AbortSignal;
}

/** How the user logs in: as RFC 6749 and 8628 name it. */
export type Grant = 'device_code' | 'client_credentials';

/** Resolves with the request that was granted. Throws `CliError`. */
export async function askIssuer<T>(
  { server, tokenRequest: first, signal, grant, methods }: Question & Way,
  ask: (tokenRequest: TokenRequest) => Promise<T>,
): Promise<{ readonly answer: T; readonly tokenRequest: TokenRequest }> {
  let refusal: CliError | undefined;
  for (let tokenRequest = first; ; ) {
    try {
      return { answer: await ask(tokenRequest), tokenRequest };
    } catch (error) {
      const failure = toIssuerFailure(error, signal);
      const reduced =
        failure.kind === 'refused'
          ? (toOtherName(tokenRequest, failure, server) ??
            toReducedRequest(tokenRequest, failure.code))
          : undefined;
      const asked = { tokenRequest, grant, methods };
      const told = toRefusal(failure, server.issuer, { ...asked, cause: error });
      refusal = tokenRequest.audience?.only === undefined ? told : (refusal ?? told); // the first of the names says most
      if (reduced === undefined) throw refusal;
      tokenRequest = reduced;
    }
  }
}

interface Way {
  readonly grant: Grant;
  /** By which of its methods a secret may be sent. */
  readonly methods?: readonly string[] | undefined;
}

interface Asked extends Way {
  readonly tokenRequest: TokenRequest;
}

function toRefusal(
  failure: IssuerFailure,
  issuer: string,
  { cause, ...asked }: Asked & { readonly cause: unknown },
): CliError {
  const what = failure.kind === 'refused' ? toReason(failure.code, asked) : undefined;
  if (failure.kind !== 'refused' || what === undefined) {
    return toCliError(failure, { issuer, doing: 'asked to log in', cause });
  }
  const said = failure.says === undefined ? '' : ` (it says: ${failure.says})`;
  return new CliError(exitCodes.denied, `The issuer ${issuer}${said} ${what}`, { cause });
}

function toReason(code: string, { tokenRequest, grant, methods = [] }: Asked): string | undefined {
  const { clientId, scope, audience } = tokenRequest;
  const isDevice = grant === 'device_code';
  if (code === 'invalid_client') {
    return isDevice
      ? `does not know the client '${clientId}' as a public one, without a secret; see --client-id and --client-secret-file`
      : `does not know the client '${clientId}', or not with this secret sent by ${methods.join(' or ')}; see --client-id and --client-secret-file, and which method the client is registered for there`;
  }
  if (grantRefusals.has(code)) {
    return isDevice
      ? `does not let the client '${clientId}' log in this way; allow it the device code grant there, or use --client-id and --client-secret-file`
      : `does not let the client '${clientId}' log in this way; allow it the client credentials grant there, see --client-id and --client-secret-file`;
  }
  if (isBare(code)) {
    return `refused (${code}) when asked to log in; check that the client '${clientId}' is registered there for ${isDevice ? 'the device code grant, without a secret' : 'the client credentials grant, with this secret'}`;
  }
  if (isScopeRefusal(code)) {
    return `does not give the client '${clientId}' the scopes '${scope}'; name those that it may have with --scope`;
  }
  if (code === 'invalid_target' && audience !== undefined) {
    return `gives no tokens for the audience '${audience.value}'; see --audience, and let the client '${clientId}' have it there`;
  }
  if (code === 'invalid_request' && audience !== undefined) {
    return `refused (${code}) when asked to log in, perhaps for the audience '${audience.value}'; see --audience, and let the client '${clientId}' have it there`;
  }
  return undefined;
}

/** The last one is Authelia's at its device authorization endpoint, where there is no grant that could be invalid. */
const grantRefusals = new Set(['unauthorized_client', 'unsupported_grant_type', 'invalid_grant']);
