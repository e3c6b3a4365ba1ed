// `ondemand login`: gets a token from the API's issuer, checks it with the API and keeps it.

import { createClient, isApiError, type OnDemandError, type Whoami } from '@ondemand/client';
import { type Environment, readEnvToken } from '../api-target.ts';
import { CliError, usageError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { defineCommand, type Valued } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { logIn } from '../login/log-in.ts';
import { type Login, toApiKey, toMsLeft, toRenewal } from '../login/login-file-format.ts';
import { readLoginTarget } from '../login/login-target.ts';
import { revoke } from '../login/revoke.ts';
import { keepLogin, revokeFormer } from '../login/store-new-login.ts';
import { toPrintable } from '../output/printable.ts';
import { formatTimeLeft } from '../output/time-left.ts';

export const login = defineCommand({
  description: `Get an access token from the issuer that the API names, check it with the API, and keep it for
later commands, renewed for as long as the issuer allows. A person approves it in a browser, here or
on any other device; a machine has --client-id and --client-secret-file. It is kept as a context,
the current one from then on: that of --context, made or updated, with --url where it is new; else
the one at the URL, or a new one with the name of its host. --json prints what whoami --json does.`,
  options: {
    'client-id': text('ID', 'The client registered at the issuer (default: ondemand-cli)'),
    'client-secret-file': text('FILE', 'Log in as that client, by the secret in FILE; - is stdin'),
    'ssh-user': {
      kind: 'value',
      placeholder: 'NAME',
      summary: 'Who you are to the sshd of the VM, kept with the context',
      fallback: undefined,
      parse: parseSshUser,
    } satisfies Valued<string | undefined> as Valued<string | undefined>,
    scope: text('SCOPE', "What to ask for, such as 'read' (default: all that the API knows)"),
    audience: text('AUDIENCE', 'What the token is for (default: what the API says it checks)'),
    issuer: {
      kind: 'value',
      placeholder: 'URL',
      summary: 'Who issues the tokens (default: the API says it)',
      fallback: undefined,
      parse: parseIssuer,
    } satisfies Valued<string | undefined> as Valued<string | undefined>, // `satisfies` alone would narrow the fallback to undefined
  },
  examples: [
    'ondemand login',
    'ondemand login --context home --url https://ondemand.example.com --ssh-user opc',
    'ondemand login --context guest --url https://ondemand.example.com --scope read',
    'ondemand login --client-id backup --client-secret-file /etc/backup/secret',
  ],
  async run(context, { options }) {
    const { output, env } = context;
    const { name, url } = await readLoginTarget(context.source);
    const granted = await logIn(
      {
        url,
        issuer: options.issuer,
        clientId: options['client-id'],
        secretFile: options['client-secret-file'],
        scope: options.scope,
        audience: options.audience,
      },
      context,
    );
    const fresh = { ...granted, sshUser: options['ssh-user'] };
    const checked = await check(fresh, url, context);
    const login = checked.ok ? withEnd(fresh, checked.caller) : fresh;
    const former = await keepLogin({ name, url, login }, context);
    if (former !== undefined) await revokeFormer(former, fresh, context);
    if (!checked.ok) throw notChecked(checked.error);
    if (toRenewal(fresh) === 'none') output.warn(toShortLife(fresh));
    for (const winner of toWinners(env, url, name)) {
      output.warn(`${winner} is set and wins over this login; unset it to use the login`);
    }
    output.show(
      checked.caller,
      ({ sub, scopes }) =>
        `Logged in at ${toApiKey(url)} as ${toPrintable(sub)} (${scopes.join(', ')})\n${name === undefined ? '' : `The current context is ${name}\n`}`,
    );
    return exitCodes.done;
  },
});

function text(placeholder: string, summary: string): Valued<string | undefined> {
  return { kind: 'value', placeholder, summary, fallback: undefined, parse: parseText };
}

function parseText(value: string): string {
  if (value.trim() !== '') return value;
  throw usageError('needs a value that is not empty');
}

/** What `ssh` takes for a name, and never for an option or a command. */
function parseSshUser(value: string): string {
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_.@+-]{0,254}$/u.test(value)) return value;
  throw usageError(`needs a user name such as opc, not '${value}'`);
}

function parseIssuer(value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw usageError('needs an https URL, such as https://auth.example.com');
}

type Checked =
  | { readonly ok: true; readonly caller: Whoami }
  | { readonly ok: false; readonly error: unknown };

/** A token that the API refuses is given back and told at once; any other failure says nothing about the token. */
async function check(fresh: Login, url: string, { output, signal }: Context): Promise<Checked> {
  try {
    using _spinner = output.spin('Checking the token with the API');
    const client = createClient({ url, token: fresh.accessToken });
    return { ok: true, caller: await client.whoami.query(undefined, { signal }) };
  } catch (error) {
    if (isApiError(error, 'UNAUTHORIZED') || isApiError(error, 'FORBIDDEN')) {
      await revoke(fresh, signal);
      throw toRefused(error, fresh, error);
    }
    return { ok: false, error };
  }
}

/** The API knows why, and its own words come first. */
function toRefused({ code, message }: OnDemandError, fresh: Login, cause: unknown): CliError {
  return new CliError(
    exitCodes.denied,
    `The API refuses the token that ${fresh.issuer} gave: ${message}${toHint(code, message, fresh)}`,
    { cause },
  );
}

function toHint(code: string, message: string, { audience }: Login): string {
  if (code === 'FORBIDDEN') {
    return '; ask for other scopes with --scope, or have the client allowed them';
  }
  if (!/\b(?:audience|aud)\b/i.test(message)) return '';
  const asked = audience === undefined ? 'none was asked for' : `'${audience.value}' was asked for`;
  return `; ${asked}: --audience says which, and the client has to be allowed it at the issuer`;
}

/** An issuer need not say when its token ends; the API knows it all the same. */
function withEnd(fresh: Login, { expiresAt }: Whoami): Login {
  return { ...fresh, expiresAt: fresh.expiresAt ?? expiresAt };
}

/** What in the environment keeps later commands from using this login. */
function toWinners(env: Environment, url: string, name: string | undefined): string[] {
  const { ONDEMAND_URL: other, ONDEMAND_CONTEXT: context } = env;
  if (context) return context === name ? [] : ['ONDEMAND_CONTEXT'];
  const isElsewhere = other && URL.canParse(other) && toApiKey(other) !== toApiKey(url);
  return [
    ...(readEnvToken(env) === undefined ? [] : ['ONDEMAND_TOKEN']),
    ...(isElsewhere ? ['ONDEMAND_URL'] : []),
  ];
}

function notChecked(error: unknown): unknown {
  if (!isApiError(error)) return error;
  return new CliError(
    exitCodes.unavailable,
    `Logged in, but the API could not check the token (${error.message}); see ondemand whoami later`,
    { cause: error },
  );
}

function toShortLife(fresh: Login): string {
  const msLeft = toMsLeft(fresh, Date.now());
  const end = Number.isFinite(msLeft) ? `ends ${formatTimeLeft(msLeft)}` : 'ends some time';
  return `This login ${end} and cannot be renewed: log in again then`;
}
