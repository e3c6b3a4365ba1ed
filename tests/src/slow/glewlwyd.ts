// glewlwyd (Debian: glewlwyd), set up by its own API as its documents say: https://github.com/babelouest/glewlwyd/tree/master/docs

import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from '@ondemand/sandbox';
import { openAll } from '../support/disposer.ts';
import { makeStateFolder, startIssuerProcess } from './issuer-process.ts';

const tables = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3';
export const glewlwydNeeds = { glewlwyd: 'glewlwyd', [tables]: 'glewlwyd', sqlite3: 'sqlite3' };

export interface Glewlwyd extends AsyncDisposable {
  readonly issuer: string;
  readonly audience: string;
  /** A client of client credentials, which also may introspect. */
  readonly machine: { readonly id: string; readonly secret: string };
  /** The device grant in a browser: a person signs in, consents and enters the code. */
  approve(userCode: string): Promise<void>;
  /** Another key in place of the one that signed until now. */
  replaceKey(): Promise<void>;
}

/** With the device grant and client credentials for the scopes `read` and `admin`, and refresh tokens of one use. */
export function startGlewlwyd(): Promise<Glewlwyd> {
  return openAll<Omit<Glewlwyd, keyof AsyncDisposable>>(async (opened) => {
    const folder = await makeStateFolder(opened);
    const port = await findFreePort();
    const url = `http://127.0.0.1:${port}`;
    const audience = 'https://ondemand.example/api';
    const machine = { id: 'machine', secret: 'a-b_c.d~e!f' };
    createDatabase(join(folder, 'db'), await readFile(tables, 'utf8'));
    const config = join(folder, 'glewlwyd.conf');
    await writeFile(config, toConfig({ folder, port, url }));
    opened.use(
      await startIssuerProcess('glewlwyd', {
        args: ['-c', config],
        cwd: folder,
        url: `${url}/api/`,
      }),
    );

    const admin = createSession(url);
    await admin.send('POST', '/auth', { username: 'admin', password: 'password' });
    for (const name of ['read', 'admin']) {
      const texts = { display_name: name, description: name };
      const login = { password_required: false, password_max_age: 0, scheme: {} };
      await admin.send('POST', '/scope', { name, ...texts, ...login });
    }
    const plugin = toPlugin(`${url}/api/oidc`, audience);
    await admin.send('POST', '/mod/plugin/', plugin);
    const resource = [audience];
    await admin.send('POST', '/client', {
      client_id: machine.id,
      password: machine.secret,
      confidential: true,
      enabled: true,
      scope: ['read', 'admin'],
      authorization_type: ['client_credentials'],
      token_endpoint_auth_method: ['client_secret_basic'],
      redirect_uri: [],
      resource,
    });
    await admin.send('POST', '/client', {
      client_id: 'ondemand-cli',
      confidential: false,
      enabled: true,
      scope: [],
      authorization_type: ['device_authorization', 'refresh_token'],
      token_endpoint_auth_method: ['none'],
      redirect_uri: [`${url}/`],
      resource,
    });
    const person = { username: 'diego', password: 'hunter-22' };
    const scope = ['g_profile', 'openid', 'read', 'admin'];
    await admin.send('POST', '/user', {
      ...person,
      name: 'Diego',
      email: '',
      enabled: true,
      scope,
    });

    return {
      issuer: `${url}/api/oidc`,
      audience,
      machine,
      async approve(userCode) {
        const browser = createSession(url);
        await browser.send('POST', '/auth', person);
        await browser.send('PUT', '/auth/grant/ondemand-cli', { scope: 'openid read admin' });
        await browser.send('GET', `/oidc/device?code=${userCode}&g_continue`);
      },
      async replaceKey() {
        await admin.send('PUT', '/mod/plugin/oidc', toPlugin(`${url}/api/oidc`, audience));
        await admin.send('PUT', '/mod/plugin/oidc/reset/');
      },
    };
  });
}

function createDatabase(path: string, sql: string): void {
  const { status, stderr } = spawnSync('sqlite3', [path], { input: sql });
  if (status !== 0) throw new Error(`sqlite3 failed: ${stderr}`);
}

function toConfig({ folder, port, url }: { folder: string; port: number; url: string }): string {
  const modules = '/usr/lib/glewlwyd';
  return `port=${port}
bind_address="127.0.0.1"
external_url="${url}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="ERROR"
cookie_secure=0
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="${modules}/user"
user_middleware_module_path="${modules}/user_middleware"
client_module_path="${modules}/client"
user_auth_scheme_module_path="${modules}/scheme"
plugin_module_path="${modules}/plugin"
use_secure_connection=false
secure_connection_key_file="${folder}/none"
secure_connection_pem_file="${folder}/none"
secure_connection_ca_file="${folder}/none"
hash_algorithm="SHA512"
database =
{
  type = "sqlite3"
  path = "${folder}/db"
};
`;
}

/** OIDC.md: the parameters of an instance of the OpenID Connect plugin. */
function toPlugin(iss: string, audience: string) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const parameters = {
    iss,
    'jwt-type': 'rsa',
    'jwt-key-size': '256',
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    cert: publicKey.export({ type: 'spki', format: 'pem' }),
    'jwks-show': true,
    'access-token-duration': 3600,
    'refresh-token-duration': 1_209_600,
    'refresh-token-rolling': true,
    'refresh-token-one-use': 'always',
    'code-duration': 600,
    'allow-non-oidc': true,
    'auth-type-code-enabled': true,
    'auth-type-id-token-enabled': true,
    'auth-type-client-enabled': true,
    'auth-type-device-enabled': true,
    'auth-type-refresh-enabled': true,
    'device-authorization-expiration': 600,
    'device-authorization-interval': 1,
    'subject-type': 'public',
    'name-claim': 'no',
    'email-claim': 'no',
    'scope-claim': 'no',
    'address-claim': { type: 'no' },
    'allowed-scope': ['openid', 'read', 'admin'],
    scope: [],
    'additional-parameters': [],
    claims: [],
    'introspection-revocation-allowed': true,
    'introspection-revocation-allow-target-client': true,
    'introspection-revocation-auth-scope': [],
    'resource-allowed': true,
    'resource-scope': { read: [audience], admin: [audience] },
    'resource-client-property': 'resource',
    'resource-scope-and-client-property': false,
  };
  const instance = { module: 'oidc', name: 'oidc', display_name: 'OpenID Connect' };
  return { ...instance, order_rank: 0, readonly: false, enabled: true, parameters };
}

/** What a browser sends, with its cookie. */
function createSession(url: string) {
  let cookie = '';
  return {
    async send(method: string, path: string, body?: object): Promise<void> {
      const response = await fetch(`${url}/api${path}`, {
        method,
        headers: { cookie, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
        redirect: 'manual',
      });
      cookie = response.headers.get('set-cookie')?.split(';')[0] ?? cookie;
      if (response.status >= 400)
        throw new Error(`${method} ${path}: HTTP ${response.status} ${await response.text()}`);
    },
  };
}
