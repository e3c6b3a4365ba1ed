// Logs a machine in by its own id and secret: https://www.rfc-editor.org/rfc/rfc6749#section-4.4

import {
  type ClientAuth,
  clientCredentialsGrantRequest,
  processClientCredentialsResponse,
  type TokenEndpointResponse,
} from 'oauth4webapi';
import { toSecretMethods } from './client-secret.ts';
import { toIssuerFailure } from './issuer-failure.ts';
import { toRequestOptions } from './issuer-http.ts';
import { askIssuer, type Question } from './retried-token-request.ts';
import { type Granted, type TokenRequest, toParameters, toTokens } from './token-request.ts';

export interface ClientLogin extends Question {
  readonly secret: string;
  /** The method that the issuer took before. */
  readonly secretMethod?: string | undefined;
}

/** Throws `CliError`: refused, not possible there, issuer unavailable. */
export async function askByClientCredentials({
  secret,
  secretMethod,
  ...question
}: ClientLogin): Promise<Granted & { readonly secretMethod: string }> {
  const { server, signal } = question;
  const methods = toSecretMethods(server, secretMethod);

  async function request(
    tokenRequest: TokenRequest,
    auth: ClientAuth,
  ): Promise<TokenEndpointResponse> {
    const client = { client_id: tokenRequest.clientId };
    const options = toRequestOptions(signal);
    const parameters = toParameters(tokenRequest);
    const response = await clientCredentialsGrantRequest(server, client, auth, parameters, options);
    return processClientCredentialsResponse(server, client, response);
  }

  /** A client that is refused may be registered for another method. */
  async function requestByAny(tokenRequest: TokenRequest) {
    for (const [index, { name, toClientAuth }] of methods.entries()) {
      try {
        return { answer: await request(tokenRequest, toClientAuth(secret)), method: name };
      } catch (error) {
        const isLast = index === methods.length - 1;
        if (isLast || !isClientRefused(error, signal)) throw error;
      }
    }
    throw new TypeError('No method to send a secret by'); // `toSecretMethods` gives one at least
  }

  const { answer, tokenRequest } = await askIssuer(
    { ...question, grant: 'client_credentials', methods: methods.map(({ name }) => name) },
    requestByAny,
  );
  return {
    tokens: toTokens(answer.answer, Date.now()),
    tokenRequest,
    secretMethod: answer.method,
  };
}

function isClientRefused(error: unknown, signal: AbortSignal): boolean {
  const failure = toIssuerFailure(error, signal);
  return failure.kind === 'refused' && clientRefusals.has(failure.code);
}

/** Some issuers say no more than a status: glewlwyd 403. */
const clientRefusals = new Set(['invalid_client', 'HTTP 400', 'HTTP 401', 'HTTP 403']);
