// Renews a login's tokens without the user.

import {
  type AuthorizationServer,
  None,
  processRefreshTokenResponse,
  refreshTokenGrantRequest,
} from 'oauth4webapi';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { askByClientCredentials } from './client-credentials.ts';
import { readSecretFile } from './client-secret.ts';
import { discover } from './find-issuer.ts';
import { toCliError, toIssuerFailure, toSaying } from './issuer-failure.ts';
import { toRequestOptions } from './issuer-http.ts';
import { type Login, toRenewal } from './login-file-format.ts';
import { type Tokens, toResource, toTokens } from './token-request.ts';

export interface RenewalOptions {
  /** Ends whatever is under way. */
  readonly signal: AbortSignal;
  /** Ends what comes before the request for tokens: that one may use up the refresh token, so its answer is worth waiting for. */
  readonly stop: AbortSignal;
  /** What gets another login, for the messages. */
  readonly command?: string | undefined;
}

/** The login with new tokens. Throws `CliError`: `denied` when only its user can renew it, `unavailable` when the issuer is. */
export async function renew(
  login: Login,
  { signal, stop, command = 'ondemand login' }: RenewalOptions,
): Promise<Login> {
  const { issuer, refreshToken } = login;
  const way = toRenewal(login);
  if (way === 'none') throw toLogInAgain({ command });
  const server = await discover(issuer, stop);
  stop.throwIfAborted();
  const tokens =
    way === 'refresh'
      ? await refresh(login, server, { signal, command })
      : await askAgain(login, server, { signal, command });
  return { ...login, ...tokens, refreshToken: tokens.refreshToken ?? refreshToken };
}

/** Only the user can log in again. */
export function toLogInAgain({
  command = 'ondemand login',
  cause,
}: {
  readonly command?: string | undefined;
  readonly cause?: unknown;
}): CliError {
  return new CliError(
    exitCodes.denied,
    `The stored login has ended and cannot be renewed; run ${command}`,
    { cause },
  );
}

interface Asking {
  readonly signal: AbortSignal;
  readonly command: string;
}

async function refresh(
  { clientId, refreshToken = '', audience }: Login,
  server: AuthorizationServer,
  { signal, command }: Asking,
): Promise<Tokens> {
  const client = { client_id: clientId };

  async function request(additionalParameters: Record<string, string>): Promise<Tokens> {
    const options = { ...toRequestOptions(signal), additionalParameters };
    const response = await refreshTokenGrantRequest(server, client, None(), refreshToken, options);
    const answer = await processRefreshTokenResponse(server, client, response);
    return toTokens(answer, Date.now());
  }

  try {
    const resource = toResource(audience); // without it some issuers give a token for themselves
    return await request(resource).catch((error: unknown) => {
      const failure = toIssuerFailure(error, signal);
      const isResource = failure.kind === 'refused' && failure.code === 'invalid_target';
      if (!isResource || Object.keys(resource).length === 0) throw error;
      return request({});
    });
  } catch (error) {
    const failure = toIssuerFailure(error, signal);
    if (failure.kind === 'refused' && failure.code === 'invalid_grant')
      throw toLogInAgain({ command, cause: error });
    if (failure.kind === 'refused' && failure.code === 'invalid_request') {
      throw new CliError(
        exitCodes.unavailable,
        `The issuer ${server.issuer} did not renew the login (invalid_request), perhaps for another renewal at the same time; try again, and run ${command} if it stays so${toSaying(failure.says)}`,
        { cause: error },
      );
    }
    if (failure.kind === 'refused') {
      throw new CliError(
        exitCodes.denied,
        `The issuer ${server.issuer} refused (${failure.code}) when asked to renew the login; run ${command}, and if that is refused too check the client '${clientId}' there${toSaying(failure.says)}`,
        { cause: error },
      );
    }
    const doing = 'asked to renew the login';
    throw toCliError(failure, { issuer: server.issuer, doing, cause: error });
  }
}

async function askAgain(
  { clientId, scope, audience, secretFile = '', secretMethod }: Login,
  server: AuthorizationServer,
  { signal, command }: Asking,
): Promise<Tokens> {
  const secret = await readSecretFile(secretFile).catch((error: unknown) => {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(
      exitCodes.denied,
      `The stored login has ended, and to renew it takes its secret: ${error.message}; put it back there, or run ${command}`,
      { cause: error },
    );
  });
  const tokenRequest = { clientId, scope, audience };
  const granted = await askByClientCredentials({
    server,
    tokenRequest,
    signal,
    secret,
    secretMethod,
  });
  return granted.tokens;
}
