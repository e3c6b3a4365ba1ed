// Who we are to OCI: from the configuration file to what signs a request, with every problem found before the first call.

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type OciConfigFile, parseOciConfigFile } from './config-file.ts';
import { openPrivateKey } from './private-key.ts';

/** Where the credentials come from: the configuration file's API key, its session token, or the OCI instance that we run on. */
export const ociAuths = ['config', 'session', 'instance_principal'] as const;
export type OciAuth = (typeof ociAuths)[number];

export interface OciProfileOptions {
  readonly auth: Exclude<OciAuth, 'instance_principal'>;
  /** `~/.oci/config` when left out; a leading `~` is the home folder. */
  readonly configFile?: string | undefined;
  /** `DEFAULT` when left out. */
  readonly profile?: string | undefined;
}

export interface OciCredentials {
  /** What goes into a signature's `keyId`; a session token is read anew each time, so that a renewed one counts at once. */
  keyId(): Promise<string>;
  /** The unencrypted RSA key. */
  readonly privateKeyPem: string;
  /** The profile's region. */
  readonly region: string | undefined;
}

export type ReadCredentials =
  | { readonly credentials: OciCredentials; readonly problems: readonly [] }
  | { readonly credentials?: undefined; readonly problems: readonly string[] };

/** Reads a profile, its key and its session token. Never throws: what is wrong comes back as lines that each name their variable, for the operator's eyes only since they hold paths. */
export async function readCredentials(options: OciProfileOptions): Promise<ReadCredentials> {
  const { configFile = '~/.oci/config', profile = 'DEFAULT' } = options;
  const text = await readText(configFile);
  if (text === undefined) {
    return { problems: [`OCI_CONFIG_FILE: no readable file at ${configFile}`] };
  }
  const file = parseOciConfigFile(text);
  if (!file.profiles.includes(profile)) {
    const known = file.profiles.length === 0 ? 'none' : file.profiles.join(', ');
    return {
      problems: [`OCI_CONFIG_PROFILE: no profile '${profile}' in ${configFile}; it has: ${known}`],
    };
  }
  const where = `OCI_CONFIG_PROFILE: profile '${profile}' in ${configFile}`;
  return options.auth === 'session'
    ? readSession(file, profile, where)
    : readApiKey(file, profile, where);
}

async function readApiKey(
  file: OciConfigFile,
  profile: string,
  where: string,
): Promise<ReadCredentials> {
  const [tenancy, user, fingerprint] = ['tenancy', 'user', 'fingerprint'].map((key) =>
    file.get(profile, key),
  );
  const problems = missing({ tenancy, user, fingerprint }, where);
  if (user === undefined && file.get(profile, 'security_token_file') !== undefined) {
    problems.push(`OCI_AUTH: profile '${profile}' holds a session; set OCI_AUTH to session`);
  }
  const key = await readKey(file, profile, where);
  if (problems.length > 0 || 'problem' in key) {
    return { problems: 'problem' in key ? [...problems, key.problem] : problems };
  }
  const keyId = `${tenancy}/${user}/${fingerprint}`;
  return {
    credentials: {
      keyId: async () => keyId,
      privateKeyPem: key.pem,
      region: file.get(profile, 'region'),
    },
    problems: [],
  };
}

async function readSession(
  file: OciConfigFile,
  profile: string,
  where: string,
): Promise<ReadCredentials> {
  const tokenFile = file.get(profile, 'security_token_file');
  const problems = missing({ security_token_file: tokenFile }, where);
  const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
  if (tokenFile !== undefined && token === undefined) {
    problems.push(
      `${where}: security_token_file ${tokenFile} holds no readable token; run "oci session authenticate"`,
    );
  }
  const key = await readKey(file, profile, where);
  if (tokenFile === undefined || token === undefined || 'problem' in key) {
    return { problems: 'problem' in key ? [...problems, key.problem] : problems };
  }
  return {
    credentials: {
      keyId: async () => `ST$${(await readToken(tokenFile)) ?? token}`,
      privateKeyPem: key.pem,
      region: file.get(profile, 'region'),
    },
    problems: [],
  };
}

async function readKey(
  file: OciConfigFile,
  profile: string,
  where: string,
): Promise<{ pem: string } | { problem: string }> {
  const keyFile = file.get(profile, 'key_file');
  if (keyFile === undefined) return { problem: `${where} lacks key_file` };
  const pem = await readText(keyFile);
  if (pem === undefined) return { problem: `${where}: no readable file at key_file ${keyFile}` };
  const opened = openPrivateKey(pem, file.get(profile, 'pass_phrase'));
  return 'pem' in opened ? opened : { problem: `${where}: key_file ${keyFile}: ${opened.problem}` };
}

/** Undefined when it cannot be read, and when it holds what would break a header. */
async function readToken(path: string): Promise<string | undefined> {
  const token = (await readText(path))?.trim();
  return token !== undefined && /^[\x21-\x7e]+$/.test(token) && !token.includes('"')
    ? token
    : undefined;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(expandHome(path), 'utf8');
  } catch {
    return undefined;
  }
}

function expandHome(path: string): string {
  return /^~(?=$|[/\\])/.test(path) ? join(homedir(), path.slice(1)) : path;
}

function missing(values: Record<string, string | undefined>, where: string): string[] {
  return Object.entries(values)
    .filter(([, value]) => value === undefined)
    .map(([key]) => `${where} lacks ${key}`);
}
