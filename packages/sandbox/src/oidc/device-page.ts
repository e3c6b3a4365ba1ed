// The page where a person, or a test, lets a device in; it stands in for the issuer's login and consent.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DeviceCode, Provider } from 'oidc-provider';
import { readBody } from '../http-listener.ts';
import { escapeHtml, sendPage } from './html.ts';

/** Who the person at the page is: the `sub` of the tokens. */
export const accountId = 'sandbox-user';

export interface DeviceDecision {
  /** As shown to the person; case and dashes do not matter. */
  readonly userCode: string;
  readonly allow: boolean;
  readonly audience: string;
}

/** Allows or refuses the device; false when no device waits with this code. */
export async function decideDevice(
  provider: Provider,
  { userCode, allow, audience }: DeviceDecision,
): Promise<boolean> {
  const normalized = userCode.toUpperCase().replace(/[^A-Z0-9]/g, '');
  const code = await provider.DeviceCode.findByUserCode(normalized);
  if (code === undefined || code.accountId !== undefined || code.error !== undefined) return false;
  if (allow) {
    await grantDevice(provider, code, audience);
  } else {
    code.error = 'access_denied';
    code.errorDescription = 'The person refused';
  }
  await code.save();
  return true;
}

/** Serves `GET /device` (the page) and `POST /device` with `user_code` and `decision=allow|deny`. */
export async function serveDevicePage(
  request: IncomingMessage,
  response: ServerResponse,
  decide: (userCode: string, allow: boolean) => Promise<boolean>,
): Promise<void> {
  if (request.method !== 'POST') {
    const { searchParams } = new URL(request.url ?? '/', 'http://oidc.invalid');
    return sendPage(response, { title, content: toForm(searchParams.get('user_code') ?? '') });
  }
  const form = new URLSearchParams((await readBody(request)).toString('utf8'));
  const allow = form.get('decision') !== 'deny';
  const known = await decide(form.get('user_code') ?? '', allow);
  if (!known) {
    const content = '<p>No device waits with this code.</p>';
    return sendPage(response, { status: 404, title, content });
  }
  const outcome = allow ? 'The device is signed in.' : 'The device was refused.';
  sendPage(response, { title, content: `<p>${outcome} You can close this page.</p>` });
}

async function grantDevice(provider: Provider, code: DeviceCode, audience: string): Promise<void> {
  const { clientId } = code;
  const client = clientId === undefined ? undefined : await provider.Client.find(clientId);
  if (client === undefined) throw new Error('The device code has no client');
  const asked = String(code.params?.scope ?? '').split(' ');
  const allowed = (client.scope ?? '').split(' ');
  const scopes = asked.filter((scope) => allowed.includes(scope));
  const resource = String(code.params?.resource ?? audience);

  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.addOIDCScope(scopes.filter((scope) => oidcScopes.includes(scope)));
  grant.addResourceScope(
    resource,
    scopes.filter((scope) => !oidcScopes.includes(scope)),
  );
  code.grantId = await grant.save();
  code.accountId = accountId;
  code.authTime = Math.floor(Date.now() / 1000);
  code.resource = resource;
  code.scope = scopes.join(' ');
}

const title = 'Sign in a device';

const oidcScopes = ['openid', 'offline_access'];

function toForm(userCode: string): string {
  return `<p>A device asks to be signed in. This is the sandbox's issuer: you are ${accountId}.</p>
<form method="post" action="/device">
<label>Code <input name="user_code" value="${escapeHtml(userCode)}" autocomplete="off" autofocus></label>
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Refuse</button>
</form>`;
}
