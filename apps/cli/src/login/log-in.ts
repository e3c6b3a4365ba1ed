// Performs a login as requested; the caller checks and stores it.

import { resolve } from 'node:path';
import type { AuthorizationServer } from 'oauth4webapi';
import { CliError, usageError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { toPrintable } from '../output/printable.ts';
import { formatTimeLeft } from '../output/time-left.ts';
import { askByClientCredentials } from './client-credentials.ts';
import { readSecretFile, readSecretStream } from './client-secret.ts';
import { type Prompt, runDeviceFlow } from './device-flow.ts';
import { type ApiIssuer, askApiForIssuer, discover } from './find-issuer.ts';
import { type Audience, type Login, toApiKey } from './login-file-format.ts';
import { type Granted, knowsResource, renewable } from './token-request.ts';

export interface LoginRequest {
  readonly url: string;
  readonly issuer: string | undefined;
  readonly clientId: string | undefined;
  /** `-`: standard input. */
  readonly secretFile: string | undefined;
  readonly scope: string | undefined;
  readonly audience: string | undefined;
}

/** Shows on stderr what the user has to do. Throws `CliError`, before anything is asked where the logins cannot be changed. */
export async function logIn(request: LoginRequest, context: Context): Promise<Login> {
  const { signal, output } = context;
  const secret = await readSecret(request, context);
  await context.logins.change(signal, async () => {}); // where nothing can be kept, nobody is to approve anything
  const { issuer, scopes, audience } = await findIssuer(request, context);
  using spinner = output.spin(`Asking ${issuer}`);
  const server = await discover(issuer, signal);
  const tokenRequest = {
    clientId: request.clientId ?? defaultClientId,
    scope: toScope(request.scope ?? (scopes ?? defaultScopes).join(' '), secret === undefined),
    audience: toAudience(request, audience, server),
  };
  const granted: Granted & { readonly secretMethod?: string } =
    secret === undefined
      ? await runDeviceFlow({
          server,
          tokenRequest,
          signal,
          onPrompt: (prompt) => output.tell(toInstructions(prompt)),
          onWait: ({ msLeft }) =>
            spinner.update(`Waiting for your approval; the code ends ${formatTimeLeft(msLeft)}`),
        })
      : await askByClientCredentials({ server, tokenRequest, signal, secret });
  return toLogin(granted, { issuer, secretFile: request.secretFile });
}

const defaultClientId = 'ondemand-cli';
const defaultScopes = ['read', 'admin'];

async function readSecret(
  { clientId, secretFile }: LoginRequest,
  { stdin, signal }: Context,
): Promise<string | undefined> {
  if (secretFile === undefined) return undefined;
  if (clientId === undefined) throw usageError('--client-secret-file needs --client-id');
  return secretFile === '-' ? readSecretStream(stdin, signal) : readSecretFile(secretFile);
}

/** Where the user names the issuer, the API need not answer; what it says counts if it names the same one. */
async function findIssuer(
  { url, issuer }: LoginRequest,
  { output, signal }: Context,
): Promise<ApiIssuer> {
  using _spinner = output.spin(`Asking ${toApiKey(url)} who issues its tokens`);
  if (issuer === undefined) return askApiForIssuer(url, signal);
  const told = await askApiForIssuer(url, signal).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof CliError)) throw error;
    return undefined;
  });
  return told?.issuer === issuer ? told : { issuer, scopes: undefined, audience: undefined };
}

/** A refresh token is for people; a machine has its secret. */
function toScope(scope: string, isPerson: boolean): string {
  const isNamed = scope.split(' ').includes(renewable);
  return isPerson && !isNamed ? `${scope} ${renewable}` : scope;
}

/** What the user says, else the API; where it says nothing its address is the usual audience of its tokens. */
function toAudience(
  { url, audience }: LoginRequest,
  told: Audience | undefined,
  server: AuthorizationServer,
): Audience {
  if (audience !== undefined) return { value: audience, isGuess: false };
  const value = toApiKey(url);
  return told ?? { value, isGuess: true, isResource: knowsResource(server, value) };
}

function toInstructions({ userCode, url, completeUrl }: Prompt): string {
  const code = toPrintable(userCode);
  return completeUrl === undefined
    ? `Open ${toPrintable(url)}\nand enter the code ${code}\n`
    : `Open ${toPrintable(completeUrl)}\nand check that it shows the code ${code}\n`;
}

function toLogin(
  { tokens, tokenRequest, secretMethod }: Granted & { readonly secretMethod?: string },
  { issuer, secretFile }: { issuer: string; secretFile: string | undefined },
): Login {
  return {
    issuer,
    clientId: tokenRequest.clientId,
    scope: tokenRequest.scope,
    audience: tokenRequest.audience,
    secretFile: secretFile === undefined || secretFile === '-' ? secretFile : resolve(secretFile),
    secretMethod,
    ...tokens,
  };
}
