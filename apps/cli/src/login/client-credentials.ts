// Logs a machine in by its own id and secret: https://www.rfc-editor.org/rfc/rfc6749#section-4.4

import {
  type AuthorizationServer,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  clientCredentialsGrantRequest,
  processClientCredentialsResponse,
} from 'oauth4webapi';
import { askIssuer, type Question } from './ask-issuer.ts';
import { toRequestOptions } from './issuer-http.ts';
import { type Granted, toParameters, toTokens } from './token-wish.ts';

/** Throws `CliError`: refused, not possible there, issuer unavailable. */
export async function askByClientCredentials({
  secret,
  ...question
}: Question & { readonly secret: string }): Promise<Granted> {
  const { server, signal } = question;
  const { answer, wish } = await askIssuer(question, async (wish) => {
    const client = { client_id: wish.clientId };
    const response = await clientCredentialsGrantRequest(
      server,
      client,
      toClientAuth(server, secret),
      toParameters(wish),
      toRequestOptions(signal),
    );
    return processClientCredentialsResponse(server, client, response);
  });
  return { tokens: toTokens(answer, Date.now()), wish };
}

/** Basic is what every issuer has to know; the other way only where the issuer says that it knows nothing else. */
export function toClientAuth(server: AuthorizationServer, secret: string): ClientAuth {
  const methods = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  const isPost = !methods.includes('client_secret_basic') && methods.includes('client_secret_post');
  return isPost ? ClientSecretPost(secret) : ClientSecretBasic(secret);
}
