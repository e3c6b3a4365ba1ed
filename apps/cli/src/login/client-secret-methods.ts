// How a client proves itself with its secret: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1

import { type AuthorizationServer, type ClientAuth, ClientSecretPost } from 'oauth4webapi';

export interface SecretMethod {
  /** As logins are stored with it. */
  readonly name: string;
  readonly toClientAuth: (secret: string) => ClientAuth;
}

/**
 * The methods to try, most likely first: that of `known`, else what the issuer's discovery document names, Basic where it names neither.
 * A client is registered for one of them, which the document does not say.
 */
export function toSecretMethods(server: AuthorizationServer, known?: string): SecretMethod[] {
  const supported = server.token_endpoint_auth_methods_supported;
  const named = [basic, post].filter(({ name }) => supported?.includes(name) ?? true);
  const methods = named.length === 0 ? [basic] : named;
  return methods.toSorted((a, b) => Number(b.name === known) - Number(a.name === known));
}

const basic: SecretMethod = {
  name: 'client_secret_basic',
  toClientAuth: (secret) => (_server, client, _body, headers) => {
    const id = encode(client.client_id).replaceAll(':', '%3A');
    const credentials = Buffer.from(`${id}:${encode(secret)}`).toString('base64');
    headers.set('authorization', `Basic ${credentials}`);
  },
};

const post: SecretMethod = { name: 'client_secret_post', toClientAuth: ClientSecretPost };

/** Some issuers decode the parts as forms, as the standard wants, others take them as they are: only what decoding would change is encoded. */
function encode(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('+', '%2B');
}
