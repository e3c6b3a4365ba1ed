// The way to the API, step by step: its name, a connection, TLS. Each says what the one before it hides.

import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import type { Environment } from '../api-target.ts';
import { toCertificateAdvice } from '../login/issuer-failure.ts';
import { isLoopback } from '../login/issuer-http.ts';
import { startDeadline } from '../wait/deadline.ts';
import type { Report } from './check.ts';

export interface NetworkOptions {
  readonly env: Environment;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

/** False where the API cannot be reached. */
export async function checkNetwork(
  url: URL,
  report: Report,
  { env, signal, timeoutMs = 10_000 }: NetworkOptions,
): Promise<boolean> {
  const proxy = proxyVariables.find((name) => env[name]);
  if (proxy !== undefined && env.NODE_USE_ENV_PROXY === '1' && !isLoopback(url)) {
    const message = `Not asked, as ${proxy} and NODE_USE_ENV_PROXY lead through a proxy`;
    for (const name of ['dns', 'connection', 'tls'] as const) report.skipped(name, message);
    return true;
  }
  const hint =
    proxy === undefined ? '' : `; ${proxy} is set, which Node uses only with NODE_USE_ENV_PROXY=1`;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  using deadline = startDeadline(timeoutMs, signal);
  if (!(await checkName())) return false;
  if (!(await checkConnection())) return false;
  return checkTls();

  async function checkName(): Promise<boolean> {
    if (isIP(host) !== 0) {
      report.skipped('dns', `${host} is an address, no name`);
      return true;
    }
    try {
      const found = await deadline.bound(lookup(host, { all: true }));
      const addresses = found.map(({ address }) => address);
      report.ok('dns', `${host} is ${addresses.join(', ')}`, { addresses });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      report.failed(
        'dns',
        `The name ${host} does not resolve (${toCode(error)}); check the URL, and this machine's network${hint}`,
        `getent hosts ${host}`,
        { reason: toCode(error) },
      );
      return false;
    }
  }

  async function checkConnection(): Promise<boolean> {
    const where = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
    try {
      const socket = await open(() => connect({ host, port }), 'connect', deadline.signal);
      socket.destroy();
      report.ok('connection', `${where} accepts connections`);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      const code = toCode(error);
      const what =
        code === 'ECONNREFUSED' ? `Nothing listens at ${where}` : `${where} cannot be connected to`;
      report.failed(
        'connection',
        `${what} (${code}); check the URL and its port, that the API runs, and firewalls on the way${hint}`,
        'ondemand-server --check, on the machine of the API',
        { reason: code },
      );
      return false;
    }
  }

  async function checkTls(): Promise<boolean> {
    if (url.protocol !== 'https:') {
      const isOpen = !isLoopback(url);
      report.skipped(
        'tls',
        isOpen
          ? 'The URL is http, so whoever is on the way can read the token; give the API an https address unless the network is trusted'
          : 'The URL is http, within this machine',
      );
      return true;
    }
    const tls = await import('node:tls');
    const servername = isIP(host) === 0 ? { servername: host } : {};
    try {
      const socket = await open(
        () => tls.connect({ host, port, ...servername }),
        'secureConnect',
        deadline.signal,
      );
      const { valid_to: validTo } = (
        socket as InstanceType<typeof tls.TLSSocket>
      ).getPeerCertificate(); // as made above
      socket.destroy();
      report.ok('tls', `Its certificate is valid until ${validTo}`, { validTo });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      const code = toCode(error);
      const isPlain = /WRONG_VERSION|PACKET_LENGTH|EPROTO/.test(code);
      const advice = isPlain
        ? 'what listens there speaks no TLS: give the URL with http://, or the port of its https'
        : (toCertificateAdvice(code) ?? 'look at the certificate and what is between');
      report.failed(
        'tls',
        `No TLS connection to ${host}:${port} (${code}); ${advice}`,
        `openssl s_client -connect ${host}:${port} -servername ${host} </dev/null`,
        { reason: code },
      );
      return false;
    }
  }
}

const proxyVariables = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];

function open(
  make: () => Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = make();
    const onAbort = () =>
      socket.destroy(Object.assign(new Error('No answer'), { code: 'ETIMEDOUT' }));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once(event, () => {
      signal.removeEventListener('abort', onAbort);
      resolve(socket);
    });
    socket.on('error', reject);
  });
}

function toCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return toCode(error.errors[0]);
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'ETIMEDOUT';
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
