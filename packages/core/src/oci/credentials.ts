// OCI credentials: from the configuration file to a request signer; every problem is found before the first call.

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseOciConfigFile } from './config-file.ts';
import { parseJson, toField } from './json.ts';
import { createKeyOpener, type OpenedKey, type openPrivateKey } from './private-key.ts';

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

/** One key and the name that OCI knows it by. */
export interface OciIdentity {
  /** What goes into a signature's `keyId`. */
  readonly keyId: string;
  /** Unencrypted RSA. */
  readonly privateKeyPem: string;
}

export interface OciCredentials {
  /**
   * Who signs now: profile, key and session token are read again each time, so that a renewed session or a rotated key counts at once.
   * What cannot be used, for it is half written or gone, leaves the last identity that could. Throws only the signal's reason.
   */
  identify(signal: AbortSignal): Promise<OciIdentity>;
  /** The profile's region when it was first read. */
  readonly region: string | undefined;
}

export type ReadCredentials =
  | { readonly credentials: OciCredentials; readonly problems: readonly [] }
  | { readonly credentials?: undefined; readonly problems: readonly string[] };

type ReadProfile =
  | {
      readonly identity: OciIdentity;
      readonly region: string | undefined;
      readonly problems: readonly [];
    }
  | { readonly identity?: undefined; readonly problems: readonly string[] };

interface Reading {
  readonly openKey: typeof openPrivateKey;
  readonly signal: AbortSignal | undefined;
}

interface Profile extends Reading {
  /** As `OciConfigFile` has it. */
  readonly get: (key: string) => string | undefined;
  readonly name: string;
  /** How a problem with it begins. */
  readonly where: string;
}

/** Reads a profile, its key and its session token. Throws only the signal's reason: what is wrong comes back as lines that each name their variable, for the operator's eyes only since they hold paths. */
export async function readCredentials(
  options: OciProfileOptions,
  signal?: AbortSignal,
): Promise<ReadCredentials> {
  const openKey = createKeyOpener();
  const first = await readProfile(options, { openKey, signal });
  if (first.identity === undefined) return { problems: first.problems };
  let { identity } = first;
  return {
    credentials: {
      async identify(stop) {
        const { identity: current } = await readProfile(options, { openKey, signal: stop });
        identity = current ?? identity;
        return identity;
      },
      region: first.region,
    },
    problems: [],
  };
}

/** The files with secrets that a profile uses, absolute: its key, its session token, and the configuration file itself where that holds a passphrase. What cannot be read is left out: `readCredentials` tells of it. */
export async function listSecretFiles({
  auth,
  configFile = '~/.oci/config',
  profile = 'DEFAULT',
}: OciProfileOptions): Promise<readonly string[]> {
  const file = parseOciConfigFile((await readText(configFile, undefined)) ?? '');
  const get = (key: string) => file.get(profile, key);
  const token = auth === 'session' ? get('security_token_file') : undefined;
  const config = get('pass_phrase') === undefined ? undefined : configFile;
  return [config, get('key_file'), token]
    .filter((path) => path !== undefined)
    .map((path) => resolve(expandHome(path)));
}

async function readProfile(options: OciProfileOptions, reading: Reading): Promise<ReadProfile> {
  const { configFile = '~/.oci/config', profile: name = 'DEFAULT' } = options;
  const text = await readText(configFile, reading.signal);
  if (text === undefined) {
    return { problems: [`OCI_CONFIG_FILE: no readable file at ${configFile}`] };
  }
  const file = parseOciConfigFile(text);
  if (!file.profiles.includes(name)) {
    const known = file.profiles.length === 0 ? 'none' : file.profiles.join(', ');
    return {
      problems: [`OCI_CONFIG_PROFILE: no profile '${name}' in ${configFile}; it has: ${known}`],
    };
  }
  const profile: Profile = {
    ...reading,
    get: (key) => file.get(name, key),
    name,
    where: `OCI_CONFIG_PROFILE: profile '${name}' in ${configFile}`,
  };
  return options.auth === 'session' ? readSession(profile) : readApiKey(profile);
}

async function readApiKey(profile: Profile): Promise<ReadProfile> {
  const { get, name, where } = profile;
  const [tenancy, user, fingerprint] = ['tenancy', 'user', 'fingerprint'].map(get);
  const problems = missing({ tenancy, user, fingerprint }, where);
  if (user === undefined && get('security_token_file') !== undefined) {
    problems.push(`OCI_AUTH: profile '${name}' holds a session; set OCI_AUTH to session`);
  }
  const key = await readKey(profile);
  if ('pem' in key && isOfAnotherKey(fingerprint, key.fingerprint)) {
    problems.push(
      `${where}: its fingerprint ${fingerprint} is not that of key_file ${get('key_file')}, which is ${key.fingerprint}; use the key that belongs to it, or this fingerprint once the key is uploaded`,
    );
  }
  if (problems.length > 0 || 'problem' in key) {
    return { problems: 'problem' in key ? [...problems, key.problem] : problems };
  }
  return {
    identity: { keyId: `${tenancy}/${user}/${fingerprint}`, privateKeyPem: key.pem },
    region: get('region'),
    problems: [],
  };
}

async function readSession(profile: Profile): Promise<ReadProfile> {
  const { get, where, signal } = profile;
  const tokenFile = get('security_token_file');
  const problems = missing({ security_token_file: tokenFile }, where);
  const token = tokenFile === undefined ? undefined : await readToken(tokenFile, signal);
  if (tokenFile !== undefined && token === undefined) {
    problems.push(
      `${where}: security_token_file ${tokenFile} holds no readable token; run "oci session authenticate"`,
    );
  }
  const endedAt = token === undefined ? undefined : toEnd(token);
  if (endedAt !== undefined && endedAt.getTime() <= Date.now()) {
    problems.push(
      `${where}: the session in security_token_file ${tokenFile} ended at ${endedAt.toISOString()}; run "oci session authenticate"`,
    );
  }
  // After the token: `oci session authenticate` writes the key first, so a new token never meets the old key here.
  const key = await readKey(profile);
  if (token === undefined || problems.length > 0 || 'problem' in key) {
    return { problems: 'problem' in key ? [...problems, key.problem] : problems };
  }
  return {
    identity: { keyId: `ST$${token}`, privateKeyPem: key.pem },
    region: get('region'),
    problems: [],
  };
}

async function readKey({ get, where, openKey, signal }: Profile): Promise<OpenedKey> {
  const keyFile = get('key_file');
  if (keyFile === undefined) return { problem: `${where} lacks key_file` };
  const pem = await readText(keyFile, signal);
  if (pem === undefined) return { problem: `${where}: no readable file at key_file ${keyFile}` };
  const opened = openKey(pem, get('pass_phrase'));
  return 'pem' in opened ? opened : { problem: `${where}: key_file ${keyFile}: ${opened.problem}` };
}

/** Of what has not the form of a fingerprint nothing is said. */
function isOfAnotherKey(configured: string | undefined, own: string): boolean {
  const toDigits = (text: string) => text.replaceAll(':', '').toLowerCase();
  const digits = toDigits(configured ?? '');
  return /^[0-9a-f]{16,}$/.test(digits) && digits !== toDigits(own);
}

/** When a session's token says that it ends; undefined when it does not say. */
function toEnd(token: string): Date | undefined {
  const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
  const seconds = toField(parseJson(claims), 'exp');
  return typeof seconds === 'number' && Math.abs(seconds) < 8e12
    ? new Date(seconds * 1000)
    : undefined;
}

/** Undefined when it cannot be read, and when it holds what would break a header. */
async function readToken(
  path: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const token = (await readText(path, signal))?.trim();
  return token !== undefined && /^[\x21-\x7e]+$/.test(token) && !token.includes('"')
    ? token
    : undefined;
}

async function readText(
  path: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    return await readFile(expandHome(path), {
      encoding: 'utf8',
      ...(signal !== undefined && { signal }),
    });
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** The path as it is where there is no home folder, which `homedir` throws for. */
function expandHome(path: string): string {
  if (!/^~(?=$|[/\\])/.test(path)) return path;
  try {
    return join(homedir(), path.slice(1));
  } catch {
    return path;
  }
}

function missing(values: Record<string, string | undefined>, where: string): string[] {
  return Object.entries(values)
    .filter(([, value]) => value === undefined)
    .map(([key]) => `${where} lacks ${key}`);
}
