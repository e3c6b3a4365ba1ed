// From configuration to signed requests: who signs, and to which host.

import type { HttpRequest } from 'oci-common';
import { AppError } from '../app-error.ts';
import {
  type OciAuth,
  type OciCredentials,
  type OciIdentity,
  readCredentials,
} from './credentials.ts';
import type { HttpExchange } from './http-request.ts';
import { createInstancePrincipal } from './instance-principal.ts';

export interface OciConnectionOptions {
  readonly auth: OciAuth;
  /** `~/.oci/config` when left out. */
  readonly configFile?: string | undefined;
  /** `DEFAULT` when left out. */
  readonly profile?: string | undefined;
  /** Wins over the profile's. */
  readonly region?: string | undefined;
  /** Wins over any region: a base URL without `/20160918`. */
  readonly endpoint?: string | undefined;
  /** For each request to the metadata service and the token service. */
  readonly timeoutMs: number;
}

/** Adds the headers of a signature; stops looking for who signs with the signal. */
export type SignRequest = (request: HttpRequest, signal: AbortSignal) => Promise<void>;

export type OpenedSigner = {
  readonly sign: SignRequest;
  /** As `OciHttpClientOptions` has it. */
  readonly renew?: (signal: AbortSignal) => Promise<void>;
} & (
  | { readonly endpoint: string; readonly region?: undefined }
  | { readonly endpoint?: undefined; readonly region: string }
);

/**
 * Everything about the OCI configuration that can be known without the network: a line for each problem, beginning with its variable's name; none when all is well.
 * For the operator at start, since the lines hold paths.
 *
 * @example
 * const problems = await checkOciConfig({ auth: 'config', profile: 'VM' });
 * if (problems.length > 0) process.stderr.write(`${problems.join('\n')}\n`);
 */
export async function checkOciConfig(
  options: { readonly instanceId?: string | undefined } & Omit<OciConnectionOptions, 'timeoutMs'>,
): Promise<string[]> {
  const { problems, credentials } = await readConnection(options);
  const region = options.region ?? credentials?.region;
  const elsewhere =
    region === undefined || options.endpoint !== undefined || problems.length > 0
      ? undefined
      : await checkRegion(options.instanceId, region);
  return elsewhere === undefined ? [...problems] : [elsewhere];
}

/** An instance's OCID names its region, old ones by a short code: ocid1.instance.oc1.REGION.ID */
async function checkRegion(
  instanceId: string | undefined,
  configured: string,
): Promise<string | undefined> {
  const named = instanceId?.split('.')[3];
  if (!named || named === configured) return undefined;
  const { Region } = await import('oci-common');
  const [own, ours] = [named, configured].map((code) => Region.getRegionIdFromShortCode(code));
  if (own === ours) return undefined;
  return `OCI_INSTANCE_ID: the instance is in the region '${own}', but OCI_REGION or the OCI profile says '${ours}'; set OCI_REGION to ${own}, or give the OCID of an instance there`;
}

/** Reads the credentials and loads the SDK's signer. Throws `INTERNAL_ERROR` for what `checkOciConfig` would have told, `SERVICE_UNAVAILABLE` for an instance principal off OCI, or the signal's reason. */
export async function openSigner(
  options: OciConnectionOptions,
  exchange: HttpExchange['exchange'],
  signal?: AbortSignal,
): Promise<OpenedSigner> {
  const [{ DefaultRequestSigner, EndpointBuilder, Region }, connection] = await Promise.all([
    import('oci-common'),
    readConnection(options, signal),
  ]);
  const { endpoint, credentials } = connection;
  if (connection.problems.length > 0) throw toConfigError(connection.problems);

  const signWith = (identify: (stop: AbortSignal) => Promise<OciIdentity>): SignRequest => {
    // Parsing a key takes longer than signing with it.
    let latest: (OciIdentity & { signer: InstanceType<typeof DefaultRequestSigner> }) | undefined;
    return async (request, stop) => {
      const { keyId, privateKeyPem } = await identify(stop);
      if (latest?.keyId !== keyId || latest.privateKeyPem !== privateKeyPem) {
        const signer = new DefaultRequestSigner({
          getKeyId: async () => keyId,
          getPrivateKey: () => privateKeyPem,
          getPassphrase: () => null,
        });
        latest = { keyId, privateKeyPem, signer };
      }
      await latest.signer.signHttpRequest(request);
    };
  };

  if (credentials !== undefined) {
    const sign = signWith(credentials.identify);
    const region = options.region ?? credentials.region ?? '';
    return endpoint === undefined
      ? { sign, region: Region.getRegionIdFromShortCode(region) }
      : { sign, endpoint };
  }

  const principal = await createInstancePrincipal(
    {
      exchange,
      timeoutMs: options.timeoutMs,
      toAuthEndpoint: (region) =>
        EndpointBuilder.createEndpointFromRegionId(
          'https://auth.{region}.{secondLevelDomain}',
          Region.getRegionIdFromShortCode(region),
        ),
    },
    signal,
  );
  const { identify, renew } = principal;
  const sign = signWith(identify);
  const region = Region.getRegionIdFromShortCode(options.region ?? principal.region);
  return endpoint === undefined ? { sign, renew, region } : { sign, renew, endpoint };
}

interface Connection {
  readonly credentials: OciCredentials | undefined;
  readonly endpoint: string | undefined;
  readonly problems: readonly string[];
}

async function readConnection(
  options: Omit<OciConnectionOptions, 'timeoutMs'>,
  signal?: AbortSignal,
): Promise<Connection> {
  const { auth, region, endpoint } = options;
  const problems: string[] = [];
  const origin = endpoint === undefined ? undefined : toOrigin(endpoint);
  if (endpoint !== undefined && origin === undefined) {
    problems.push(
      'OCI_ENDPOINT: is not a base URL like https://iaas.eu-frankfurt-1.oraclecloud.com; leave out the path, the user and the query',
    );
  }
  if (region !== undefined && !isRegion(region)) {
    problems.push(`OCI_REGION: '${region}' is not a region id like eu-frankfurt-1`);
  }
  if (auth === 'instance_principal') return { credentials: undefined, endpoint: origin, problems };

  const { credentials, problems: refusals } = await readCredentials({ ...options, auth }, signal);
  problems.push(...refusals);
  if (endpoint === undefined && region === undefined && credentials !== undefined) {
    if (credentials.region === undefined) {
      problems.push('OCI_REGION: is not set, and the OCI profile names no region either');
    } else if (!isRegion(credentials.region)) {
      problems.push(
        `OCI_CONFIG_PROFILE: its region '${credentials.region}' is not a region id like eu-frankfurt-1`,
      );
    }
  }
  return { credentials, endpoint: origin, problems };
}

/** A region becomes part of a host name, so nothing else gets through. */
function isRegion(region: string): boolean {
  return /^[a-z0-9]+([.-][a-z0-9]+)*$/i.test(region);
}

function toOrigin(endpoint: string): string | undefined {
  if (!URL.canParse(endpoint)) return undefined;
  const url = new URL(endpoint);
  const bare = url.pathname === '/' && url.search === '' && url.hash === '' && !url.username;
  return bare && /^https?:$/.test(url.protocol) ? url.origin : undefined;
}

function toConfigError(problems: readonly string[]): AppError {
  const variables = [...new Set(problems.map((problem) => problem.split(':', 1)[0]))];
  return new AppError(
    'INTERNAL_ERROR',
    `Our OCI configuration cannot be used (${variables.join(', ')}); the log says what is wrong with it`,
    { text: 'OCI configuration not usable', cause: new Error(problems.join('\n')) },
  );
}
