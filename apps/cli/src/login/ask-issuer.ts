// One request for tokens, made again without what the user did not ask for when the issuer does not like it.

import type { AuthorizationServer } from 'oauth4webapi';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { type IssuerFailure, toCliError, toIssuerFailure } from './issuer-failure.ts';
import { type TokenWish, toLesserWish } from './token-wish.ts';

export interface Question {
  readonly server: AuthorizationServer;
  readonly wish: TokenWish;
  readonly signal: AbortSignal;
}

/** With the wish that was granted. Throws `CliError`. */
export async function askIssuer<T>(
  { server, wish: first, signal }: Question,
  ask: (wish: TokenWish) => Promise<T>,
): Promise<{ readonly answer: T; readonly wish: TokenWish }> {
  for (let wish = first; ; ) {
    try {
      return { answer: await ask(wish), wish };
    } catch (error) {
      const failure = toIssuerFailure(error, signal);
      const lesser = failure.kind === 'refused' ? toLesserWish(wish, failure.code) : undefined;
      if (lesser === undefined) throw toRefusal(failure, server.issuer, { wish, cause: error });
      wish = lesser;
    }
  }
}

function toRefusal(
  failure: IssuerFailure,
  issuer: string,
  { wish, cause }: { readonly wish: TokenWish; readonly cause: unknown },
): CliError {
  const what = failure.kind === 'refused' ? toReason(failure.code, wish) : undefined;
  if (what === undefined) {
    return toCliError(failure, { issuer, doing: 'asked to log in', cause });
  }
  return new CliError(exitCodes.denied, `The issuer ${issuer} ${what}`, { cause });
}

function toReason(code: string, { clientId, scope, audience }: TokenWish): string | undefined {
  if (code === 'invalid_client') {
    return `does not know the client '${clientId}', or not with this secret; see --client-id and --client-secret-file`;
  }
  if (code === 'unauthorized_client') {
    return `does not let the client '${clientId}' log in this way; see --client-id and --client-secret-file`;
  }
  if (code === 'invalid_scope') {
    return `does not give the client '${clientId}' the scopes '${scope}'; name those that it may have with --scope`;
  }
  if (code === 'invalid_target' && audience !== undefined) {
    return `gives no tokens for the audience '${audience.value}'; see --audience`;
  }
  return undefined;
}
