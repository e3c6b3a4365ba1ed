// Who is signed in: by authorization code with PKCE (RFC 7636), or by a pasted token. Tokens are held in memory alone.

import * as oauth from 'oauth4webapi';
import { apiUrl, basePath, type PageSettings } from './served-settings.ts';

export interface Session {
  /** For the client; renews what ends. */
  readonly token: (request: { readonly refused: string | undefined }) => Promise<string>;
  /** Renews by itself. */
  readonly canRenew: boolean;
}

/** Goes to the issuer; what the page was about is gone back to. */
export async function startSignIn(settings: PageSettings): Promise<void> {
  const { clientId, audience, scopes } = settings;
  if (clientId === undefined) throw new Error('Without OIDC_WEB_CLIENT_ID only a token signs in');
  const { authorization_endpoint: endpoint } = await discover(settings);
  if (endpoint === undefined) throw new Error('The issuer has no authorization_endpoint');
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const path = location.pathname + location.search;
  sessionStorage.setItem(pendingKey, JSON.stringify({ verifier, state, path }));
  const url = new URL(endpoint);
  const parameters = {
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    scope: ['openid', 'offline_access', ...scopes].join(' '),
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    prompt: 'consent', // without it no refresh token is given: https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess
    ...(audience !== undefined && { audience }),
    ...(audience !== undefined && URL.canParse(audience) && { resource: audience }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

/** What the issuer sent back with; undefined where it sent nothing. Puts the page's own address back. */
export async function finishSignIn(settings: PageSettings): Promise<Session | undefined> {
  const answered = new URL(location.href);
  if (!answered.searchParams.has('state')) return undefined;
  const pending = readPending();
  sessionStorage.removeItem(pendingKey);
  history.replaceState(null, '', pending?.path ?? `${basePath}/`);
  if (pending === undefined || settings.clientId === undefined) return undefined;
  const issuer = await discover(settings);
  const client = { client_id: settings.clientId };
  const parameters = oauth.validateAuthResponse(issuer, client, answered, pending.state);
  const answer = await oauth.authorizationCodeGrantRequest(
    issuer,
    client,
    oauth.None(),
    parameters,
    redirectUri,
    pending.verifier,
    options(settings),
  );
  return toSession(settings, await oauth.processAuthorizationCodeResponse(issuer, client, answer));
}

/** A token that somebody brings is not renewed. */
export function toPastedSession(text: string): Session {
  const token = text.trim();
  return { token: async () => token, canRenew: false };
}

function toSession(settings: PageSettings, first: oauth.TokenEndpointResponse): Session {
  let current = toHeld(first);
  let renewal: Promise<string> | undefined;
  return {
    canRenew: first.refresh_token !== undefined,
    async token({ refused }) {
      const isEnding = Date.now() > current.endsMs - marginMs;
      if (!isEnding && refused !== current.accessToken) return current.accessToken;
      if (current.refreshToken === undefined) return current.accessToken;
      renewal ??= renew(current.refreshToken).finally(() => {
        renewal = undefined;
      });
      return renewal;
    },
  };

  async function renew(refreshToken: string): Promise<string> {
    const issuer = await discover(settings);
    const client = { client_id: settings.clientId ?? '' };
    const answer = await oauth.refreshTokenGrantRequest(
      issuer,
      client,
      oauth.None(),
      refreshToken,
      options(settings),
    );
    const renewed = await oauth.processRefreshTokenResponse(issuer, client, answer);
    current = { refreshToken, ...toHeld(renewed) };
    return current.accessToken;
  }
}

interface Held {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly endsMs: number;
}

function toHeld({ access_token, refresh_token, expires_in }: oauth.TokenEndpointResponse): Held {
  return {
    accessToken: access_token,
    ...(refresh_token !== undefined && { refreshToken: refresh_token }),
    endsMs: expires_in === undefined ? Number.POSITIVE_INFINITY : Date.now() + expires_in * 1000,
  };
}

const marginMs = 20_000;
const pendingKey = 'ondemand-sign-in';
const redirectUri = `${apiUrl}/`;

interface Pending {
  readonly verifier: string;
  readonly state: string;
  readonly path: string;
}

function readPending(): Pending | undefined {
  const text = sessionStorage.getItem(pendingKey);
  return text === null ? undefined : JSON.parse(text); // as `startSignIn` wrote it
}

async function discover(settings: PageSettings): Promise<oauth.AuthorizationServer> {
  const url = new URL(settings.issuer);
  const answer = await oauth.discoveryRequest(url, options(settings));
  return oauth.processDiscoveryResponse(url, answer);
}

/** Plain HTTP is the sandbox's, on loopback. */
function options({ issuer }: PageSettings) {
  return { [oauth.allowInsecureRequests]: new URL(issuer).protocol === 'http:' };
}
