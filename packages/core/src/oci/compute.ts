// The one VM as OCI sees it: the Compute port over Oracle's SDK, which is loaded when it is first needed.

import { randomUUID } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { HttpClient } from 'oci-common';
import type { ComputeClient, VirtualNetworkClient } from 'oci-core';
import type { CallOptions, Compute, SerialConsole } from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { createSingleFlight } from '../concurrency/single-flight.ts';
import { vmId } from '../model/vm.ts';
import { createConsoleReader } from './console.ts';
import {
  createOciHttpClient,
  type OciHttpClient,
  type OciHttpClientOptions,
} from './http-client.ts';
import { createHttpExchange } from './http-request.ts';
import { type OciConnectionOptions, openSigner } from './signer.ts';
import { toAppError } from './to-app-error.ts';
import { toInstance } from './to-instance.ts';

export interface OciComputeOptions extends OciConnectionOptions {
  /** The OCID of the one instance. */
  readonly instanceId: string;
  /**
   * For each attempt; a call with its retries takes at most half as long again.
   * Only the first call takes longer: it loads the SDK and reads the credentials, and as an instance principal asks for its region, within `timeoutMs` as well.
   */
  readonly timeoutMs: number;
  /** Called after each attempt, in the turn of whoever began it, for metrics and traces. */
  readonly onRequest?: OciHttpClientOptions['onRequest'];
  /** Told of OCI's own time with each of its answers. */
  readonly onDate?: (date: Date) => void;
  readonly random?: () => number;
}

export interface Clients {
  readonly http: OciHttpClient;
  readonly compute: (httpClient: HttpClient) => ComputeClient;
  readonly network: (httpClient: HttpClient) => VirtualNetworkClient;
}

const overallShare = 1.5;
/** An instance has a few network cards; this only bounds endless paging. */
const maxPages = 10;
/** Far above what opening takes, which has deadlines of its own. */
const maxOpeningMs = 60_000;

/**
 * The Compute port for one instance; one for the process.
 * Nothing is read or sent before the first call; credentials that cannot be used are `INTERNAL_ERROR` then (`checkOciConfig` tells at start). Dispose it to close its sockets.
 *
 * @example
 * await using compute = createOciCompute({ instanceId: 'ocid1.instance.oc1..example', auth: 'config', timeoutMs: 10_000 });
 * const { lifecycleState } = await compute.getInstance();
 */
export function createOciCompute(
  options: OciComputeOptions,
): Compute & SerialConsole & AsyncDisposable {
  const { instanceId, timeoutMs, onRequest = () => {}, random = Math.random } = options;
  const { onDate = () => {} } = options;
  const exchange = createHttpExchange();
  let clients: Clients | undefined;
  // Who needs them at the same time opens them once; what was wrong may be repaired by the next call, so a failure is not kept.
  const openings = createSingleFlight({ deadlineMs: maxOpeningMs, joinsRunning: true });
  // Not an answer to anybody, only the way to one: it changes when somebody moves the VM to another compartment, which getPublicIp notices.
  let lastCompartmentId: string | undefined;
  const consoleReader = createConsoleReader({ instanceId, open });

  return {
    async getInstance(call = {}) {
      return (await askInstance(call)).instance;
    },

    async getPublicIp(call = {}) {
      const known = lastCompartmentId;
      const compartmentId = known ?? (await askInstance(call)).compartmentId;
      const vnicIds = await listVnicIds(compartmentId, call);
      if (vnicIds.length > 0 || known === undefined) return askPublicIp(vnicIds, call);
      const { compartmentId: current } = await askInstance(call);
      return current === known ? undefined : askPublicIp(await listVnicIds(current, call), call);
    },

    async act(action, { etag, signal }) {
      if (etag === '') {
        throw new AppError(
          'INTERNAL_ERROR',
          `${action} was not sent: the OCI endpoint gives no ETag for ${vmId}, so that nothing could guard it against another action at the same time; check OCI_ENDPOINT: it has to answer as OCI does`,
          { text: 'OCI endpoint not supported' },
        );
      }
      const { http, compute } = await open(signal);
      const request = { instanceId, action, ifMatch: etag, opcRetryToken: randomUUID() };
      await http.call('InstanceAction', signal, (client) =>
        compute(client).instanceAction(request),
      );
    },

    readConsole: consoleReader.read,

    async [Symbol.asyncDispose]() {
      await consoleReader[Symbol.asyncDispose]();
      await exchange[Symbol.asyncDispose]();
    },
  };

  async function askInstance({ signal }: CallOptions) {
    const { http, compute } = await open(signal);
    const response = await http.call('GetInstance', signal, (client) =>
      compute(client).getInstance({ instanceId }),
    );
    const instance = toInstance(response.instance, response.etag);
    const compartmentId: unknown = response.instance?.compartmentId;
    if (instance === undefined || typeof compartmentId !== 'string') {
      throw toAppError({ kind: 'unreadable', status: 200 }, 'GetInstance');
    }
    lastCompartmentId = compartmentId;
    return { instance, compartmentId };
  }

  async function listVnicIds(compartmentId: string, { signal }: CallOptions): Promise<string[]> {
    const { http, compute } = await open(signal);
    const vnicIds: string[] = [];
    let page: string | undefined;
    for (let pages = 0; pages < maxPages; pages += 1) {
      const response = await http.call('ListVnicAttachments', signal, (client) =>
        // The SDK escapes no query value.
        compute(client).listVnicAttachments({
          compartmentId: encodeURIComponent(compartmentId),
          instanceId: encodeURIComponent(instanceId),
          ...(page !== undefined && { page: encodeURIComponent(page) }),
        }),
      );
      if (!Array.isArray(response.items)) {
        throw toAppError({ kind: 'unreadable', status: 200 }, 'ListVnicAttachments');
      }
      for (const { lifecycleState, vnicId } of response.items) {
        if (lifecycleState === 'ATTACHED' && vnicId) vnicIds.push(vnicId);
      }
      page = response.opcNextPage || undefined;
      if (page === undefined) break;
    }
    return vnicIds;
  }

  async function askPublicIp(
    vnicIds: readonly string[],
    { signal }: CallOptions,
  ): Promise<string | undefined> {
    const { http, network } = await open(signal);
    // One that cannot be read, or hangs, must not block reading the primary one.
    const primary = await findFirst(vnicIds, async (vnicId) => {
      const { vnic } = await http.call('GetVnic', signal, (client) =>
        network(client).getVnic({ vnicId }),
      );
      return vnic?.isPrimary ? vnic : undefined;
    });
    const ip = primary?.publicIp;
    return ip !== undefined && isIPv4(ip) ? ip : undefined;
  }

  async function open(signal: AbortSignal | undefined): Promise<Clients> {
    return clients ?? openings.read('the way to OCI', openClients, { signal });
  }

  async function openClients(signal: AbortSignal): Promise<Clients> {
    const [{ ComputeClient, VirtualNetworkClient }, { sign, renew, endpoint, region }] =
      await Promise.all([import('oci-core'), openSigner(options, exchange.exchange, signal)]);
    // Another call may be opening them again by now.
    signal.throwIfAborted();
    const http = createOciHttpClient({
      exchange: exchange.exchange,
      sign,
      timeoutMs,
      overallTimeoutMs: timeoutMs * overallShare,
      auth: options.auth,
      renew,
      onRequest,
      onDate,
      random,
    });
    // Without this, an environment variable of the SDK would start breakers with timers of their own.
    const configuration = { circuitBreaker: { circuit: null, noCircuit: true } };
    const placed = <Client extends ComputeClient | VirtualNetworkClient>(client: Client) => {
      if (endpoint !== undefined) client.endpoint = endpoint;
      else client.regionId = region;
      return client;
    };
    clients = {
      http,
      compute: (httpClient) => placed(new ComputeClient({ httpClient }, configuration)),
      network: (httpClient) => placed(new VirtualNetworkClient({ httpClient }, configuration)),
    };
    return clients;
  }
}

/** The first that is found, as soon as it is; without one the first failure is thrown, or undefined given. */
async function findFirst<T>(
  keys: readonly string[],
  find: (key: string) => Promise<NonNullable<T> | undefined>,
): Promise<T | undefined> {
  const searches = keys.map(find);
  const found = searches.map(async (search) => {
    const value = await search;
    if (value === undefined) throw new Error('not this one');
    return value;
  });
  try {
    return await Promise.any(found);
  } catch {
    const ends = await Promise.allSettled(searches);
    const failure = ends.find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
    return undefined;
  }
}
