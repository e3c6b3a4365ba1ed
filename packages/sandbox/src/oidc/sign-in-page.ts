// The page where a person signs in a browser; it stands in for the issuer's login and consent.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from 'oidc-provider';
import { readBody } from '../http-listener.ts';
import { accountId } from './device-page.ts';
import { sendPage } from './html.ts';

/** Below it, by the id of the interaction. */
export const signInPath = '/sign-in/';

const allowances: Readonly<Record<string, readonly string[]>> = {
  admin: ['read', 'wake', 'admin'],
  read: ['read'],
  wake: ['wake'],
};

/** Serves `GET` (the page) and `POST` with `allow=admin|read|wake`, or anything else to refuse. */
export async function serveSignInPage(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
  audience: string,
): Promise<void> {
  const { params, grantId } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') return sendPage(response, { title: 'Sign in', content: form });
  const chosen = new URLSearchParams((await readBody(request)).toString('utf8')).get('allow') ?? '';
  const allowed = allowances[chosen];
  if (allowed === undefined) {
    const refusal = { error: 'access_denied', error_description: 'The person refused' };
    return provider.interactionFinished(request, response, refusal);
  }
  const clientId = String(params.client_id);
  const grant =
    (grantId === undefined ? undefined : await provider.Grant.find(grantId)) ??
    new provider.Grant({ accountId, clientId });
  const resource = String(params.resource ?? audience);
  // The provider takes the API's scopes for its own as well.
  for (const scope of String(params.scope ?? '').split(' ')) {
    const isAllowed = !(scope in allowances) || allowed.includes(scope);
    if (isAllowed) grant.addOIDCScope(scope);
    else grant.rejectOIDCScope(scope);
    if (!(scope in allowances)) continue;
    if (isAllowed) grant.addResourceScope(resource, scope);
    else grant.rejectResourceScope(resource, scope);
  }
  await provider.interactionFinished(request, response, {
    login: { accountId },
    consent: { grantId: await grant.save() },
  });
}

const form = `<p>A page asks to be signed in. This is the sandbox's issuer: you are ${accountId}.</p>
<form method="post">
<button name="allow" value="admin">Allow everything</button>
<button name="allow" value="read">Allow reading</button>
<button name="allow" value="wake">Allow waking</button>
<button name="allow" value="">Refuse</button>
</form>`;
