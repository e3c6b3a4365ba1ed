// A client's secret: where it is read from, so that it need not be on a command line, and how a client authenticates with it (https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1).

import { readFile } from 'node:fs/promises';
import { type AuthorizationServer, type ClientAuth, ClientSecretPost } from 'oauth4webapi';
import { type CliError, usageError } from '../cli-error.ts';
import { readStdin } from '../command-line/read-stdin.ts';

/** Without the line break at its end. Throws a usage error. */
export async function readSecretFile(path: string): Promise<string> {
  try {
    return toSecret(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    throw unreadable(path, String(error.code));
  }
}

/** The same from standard input, to its end. */
export async function readSecretStream(
  stdin: NodeJS.ReadStream,
  signal: AbortSignal,
): Promise<string> {
  if (stdin.isTTY === true) {
    throw usageError('--client-secret-file - reads standard input; pipe the secret into it');
  }
  const bytes = await readStdin(stdin, signal);
  return toSecret(bytes.toString('utf8'), 'Standard input');
}

function toSecret(text: string, where: string): string {
  const secret = text.replace(/\r?\n$/, '');
  if (secret !== '' && !/[\r\n\0]/.test(secret)) return secret;
  throw usageError(`${where} holds no client secret; it has to be one line`);
}

function unreadable(path: string, code: string): CliError {
  return usageError(`The client secret cannot be read from ${path} (${code})`);
}

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
