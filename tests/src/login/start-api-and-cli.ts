// The whole product with a command line before it, and a person at the issuer who agrees.

import type { Oidc } from '@ondemand/sandbox';
import { openAll } from '../support/disposer.ts';
import { type App, type AppOptions, startAppHere } from '../support/start-sandbox-and-api.ts';
import { type Cli, type StoredLogin, startCli } from './start-cli.ts';

export interface ApiAndCli extends AsyncDisposable {
  readonly app: App;
  readonly cli: Cli;
}

interface ApiAndCliOptions extends AppOptions {
  /** Shared with others, and left running. Default: one of its own. */
  readonly app?: App;
}

/** The API and a user who has not logged in yet. */
export function startApiAndCli({
  app: shared,
  ...options
}: ApiAndCliOptions = {}): Promise<ApiAndCli> {
  return openAll(async (opened) => {
    const app = shared ?? opened.use(await startAppHere(options));
    const cli = opened.use(await startCli({ ONDEMAND_URL: app.url }));
    return { app, cli };
  });
}

/** The same with a user whom the device flow let in; without the pause that the CLI owes the issuer. */
export function startLoggedIn(options: ApiAndCliOptions = {}): Promise<ApiAndCli> {
  return openAll(async (opened) => {
    const { app, cli } = opened.use(await startApiAndCli(options));
    await cli.storeLogin(app.url, await takeTokens(app.sandbox.oidc));
    return { app, cli };
  });
}

async function takeTokens({ issuer, clients, paths, approveDevice }: Oidc): Promise<StoredLogin> {
  const client_id = clients.cli.id;
  const scope = 'read admin offline_access';
  const device = await post(`${issuer}${paths.deviceAuthorization}`, { client_id, scope });
  await approveDevice(String(device.user_code));
  const tokens = await post(`${issuer}${paths.token}`, {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    client_id,
    device_code: String(device.device_code),
  });
  return {
    issuer,
    clientId: client_id,
    scope,
    accessToken: String(tokens.access_token),
    refreshToken: String(tokens.refresh_token),
    expiresAt: new Date(Date.now() + Number(tokens.expires_in) * 1000).toISOString(),
  };
}

async function post(url: string, form: Record<string, string>): Promise<Record<string, unknown>> {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as Record<string, unknown>; // the issuer's own answer
}
