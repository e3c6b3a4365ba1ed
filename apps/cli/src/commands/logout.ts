// `ondemand logout`: forgets a login here and ends it at the issuer.

import { readEnvToken, readTarget } from '../api-target.ts';
import type { Context } from '../command-context.ts';
import { defineCommand } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { contextAt, type StoredContext, withLogin } from '../login/contexts.ts';
import { endLogin } from '../login/end-login.ts';
import { isLoggedOut, toApiKey, toLoggedOut } from '../login/login-file-format.ts';

export const logout = defineCommand({
  description: `Forget the login of the current context, or of another one, and have the issuer revoke its tokens.
It is forgotten here whether or not the issuer answers; what could not be revoked is told, with exit
code 6 if the issuer failed, 3 if it refused, and 1 if the client's secret is gone. A token that has
ended needs no revoking. The context stays, for ondemand login to log in there again; ondemand
context rm forgets it too. --json prints {"url","removed","revoked","notRevoked"}.`,
  options: {},
  examples: ['ondemand logout', 'ondemand logout --context home'],
  async run(context) {
    const { output, env } = context;
    const url = toApiKey((await readTarget(context.source)).url);
    const ended = await forget(context);
    if (readEnvToken(env) !== undefined) {
      output.warn('ONDEMAND_TOKEN is set: its token still works, and is not revoked by this');
    }
    if (ended === undefined) {
      const nothing = { url, removed: false, revoked: [], notRevoked: [] };
      output.show(nothing, () => `There is no login at ${url}\n`);
      return exitCodes.done;
    }
    const { revoked, notRevoked, exitCode } = await endLogin(ended.login, context);
    output.show({ url, removed: true, revoked, notRevoked }, () => `Logged out of ${url}\n`);
    return exitCode;
  },
});

/** Before the tokens are revoked, so that no other process renews or uses them meanwhile. */
async function forget({ logins, signal, source }: Context): Promise<StoredContext | undefined> {
  return logins.change(signal, async ({ stored, save }) => {
    const { url, context } = await readTarget({ ...source, store: { read: async () => stored } });
    const found = context ?? contextAt(stored, url);
    if (found === undefined || isLoggedOut(found.login)) return undefined;
    await save(withLogin(stored, found, toLoggedOut(found.login)));
    return found;
  });
}
