// LemonLDAP::NG (Debian: liblemonldap-ng-portal-perl and what it recommends), its portal under plackup: https://lemonldap-ng.org/documentation/2.0/idpopenidconnect.html

import { generateKeyPairSync } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from '@ondemand/sandbox';
import { openAll } from '../support/disposer.ts';
import { makeStateFolder, startIssuerProcess } from './issuer-process.ts';

const portal = '/usr/share/lemonldap-ng/portal';
const perl = '/usr/share/perl5';
export const lemonldapNeeds = {
  [`${portal}/htdocs/index.psgi`]: 'lemonldap-ng-portal',
  [`${perl}/GD/SecurityImage.pm`]: 'libgd-securityimage-perl',
  [`${perl}/Image/Magick.pm`]: 'libimage-magick-perl',
  [`${perl}/String/Random.pm`]: 'libstring-random-perl',
  [`${perl}/IO/String.pm`]: 'libio-string-perl',
  plackup: 'libplack-perl',
};

export interface Lemonldap extends AsyncDisposable {
  /** With a slash at its end. */
  readonly issuer: string;
  readonly audience: string;
  /** Clients of client credentials: JWTs, and opaque tokens. */
  readonly machine: { readonly id: string; readonly secret: string };
  readonly opaque: { readonly id: string; readonly secret: string };
  /** A person's tokens by user name and password, as no browser is at hand and there is no device grant. */
  signIn(): Promise<{
    readonly access_token: string;
    readonly refresh_token: string;
    readonly id_token: string;
  }>;
}

export function startLemonldap(): Promise<Lemonldap> {
  return openAll<Omit<Lemonldap, keyof AsyncDisposable>>(async (opened) => {
    const folder = await makeStateFolder(opened);
    const port = await findFreePort();
    const issuer = `http://127.0.0.1:${port}/`;
    const audience = 'https://ondemand.example/api';
    // It reads a Basic header up to the first + or /, and this secret makes one with a +.
    const machine = { id: 'machine', secret: 'a-b_c.d~e!f~~~~~~' };
    const opaque = { id: 'opaque', secret: 'another-secret' };
    for (const name of ['conf', 'sessions', 'locks']) await mkdir(join(folder, name));
    const clients = {
      machine: { ...toClient(machine), AllowClientCredentialsGrant: 1, AccessTokenJWT: 1 },
      opaque: { ...toClient(opaque), AllowClientCredentialsGrant: 1 },
      cli: {
        ClientID: 'ondemand-cli',
        Public: 1,
        AllowPasswordGrant: 1,
        RefreshToken: 1,
        AccessTokenJWT: 1,
        AccessTokenSignAlg: 'RS512',
      },
    };
    const configuration = {
      ...toConfiguration(folder, issuer),
      oidcRPMetaDataExportedVars: { machine: {}, opaque: {}, cli: {} },
      oidcRPMetaDataOptions: Object.fromEntries(
        Object.entries(clients).map(([name, options]) => [name, toOptions(options, audience)]),
      ),
    };
    await writeFile(join(folder, 'conf', 'lmConf-1.json'), JSON.stringify(configuration));
    const file = join(folder, 'lemonldap-ng.ini');
    await writeFile(file, toIni(folder));
    const server = ['-s', 'HTTP::Server::PSGI', '--host', '127.0.0.1', '--port', String(port)];
    opened.use(
      await startIssuerProcess('plackup', {
        args: [...server, `${portal}/htdocs/index.psgi`],
        cwd: folder,
        env: { LLNG_DEFAULTCONFFILE: file },
        url: issuer,
      }),
    );
    return {
      issuer,
      audience,
      machine,
      opaque,
      async signIn() {
        const response = await fetch(`${issuer}oauth2/token`, {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'password',
            client_id: 'ondemand-cli',
            username: 'dwho', // of its demonstration accounts
            password: 'dwho',
            scope: 'openid read admin offline_access',
          }),
        });
        return (await response.json()) as Awaited<ReturnType<Lemonldap['signIn']>>; // as the standard has it
      },
    };
  });
}

function toClient({ id, secret }: { id: string; secret: string }) {
  return { ClientID: id, ClientSecret: secret };
}

function toOptions(options: object, audience: string) {
  const all = { AdditionalAudiences: audience, IDTokenSignAlg: 'RS256', ...options };
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [`oidcRPMetaDataOptions${name}`, value]),
  );
}

function toConfiguration(folder: string, url: string) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const storage = 'Apache::Session::File';
  const folders = {
    Directory: join(folder, 'sessions'),
    LockDirectory: join(folder, 'locks'),
  };
  return {
    cfgNum: 1,
    cfgDate: 1,
    cookieName: 'lemonldap',
    locationRules: { '127.0.0.1': { default: 'deny' } },
    exportedHeaders: {},
    portal: url,
    domain: '127.0.0.1',
    securedCookie: 0,
    authentication: 'Demo',
    userDB: 'Same',
    passwordDB: 'Demo',
    demoExportedVars: { cn: 'cn', mail: 'mail', uid: 'uid' },
    whatToTrace: 'uid',
    globalStorage: storage,
    globalStorageOptions: folders,
    persistentStorage: storage,
    persistentStorageOptions: folders,
    issuerDBOpenIDConnectActivation: 1,
    issuerDBOpenIDConnectRule: 1,
    oidcServiceMetaDataIssuer: url,
    oidcServiceAllowAuthorizationCodeFlow: 1,
    oidcServicePrivateKeySig: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    oidcServicePublicKeySig: publicKey.export({ type: 'spki', format: 'pem' }),
    oidcServiceKeyIdSig: 'key-1',
  };
}

function toIni(folder: string): string {
  return `[all]
logLevel = error
localSessionStorage =
[configuration]
type = File
dirName = ${join(folder, 'conf')}
[portal]
staticPrefix = /static
templateDir = ${portal}/templates
languages = en
`;
}
