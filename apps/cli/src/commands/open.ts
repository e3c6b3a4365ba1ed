// `ondemand open`: what a container publishes, in the browser.

import { isApiError, type OnDemandClient } from '@ondemand/client';
import { CliError, usageError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { defineCommand, type Valued } from '../command-line/command.ts';
import { flag, parseCount } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { findOpener, openWith } from '../open/open-browser.ts';
import {
  isOnLoopback,
  type PublishedPort,
  type PublishedUrl,
  parsePublished,
  toPublishedUrl,
} from '../open/published-urls.ts';

export const open = defineCommand({
  description: `Print the URL of each TCP port that a container publishes, those of the web first, and in a desktop
session open the first one. The host is where the API reaches the VM; without the scope admin it is
the VM's public IP. --json prints {"container","urls"} and opens nothing.`,
  operands: { arity: 'one', label: 'NAME', from: 'containers' },
  options: {
    print: flag('Print only'),
    port: {
      kind: 'value',
      placeholder: 'PORT',
      summary: "Only this one: the container's port, or the one that it is published on",
      fallback: undefined,
      parse: (text) => parseCount(text, { min: 1, max: 65_535 }),
    } satisfies Valued<number | undefined> as Valued<number | undefined>,
    host: {
      kind: 'value',
      placeholder: 'HOST',
      summary: 'The name or address to reach the VM by',
      fallback: undefined,
      parse: parseHost,
    } satisfies Valued<string | undefined> as Valued<string | undefined>,
  },
  examples: [
    'ondemand open nginx',
    'ondemand open app --port 3000',
    'curl $(ondemand open api --print)',
  ],
  async run(context, { options, operands: [name] }) {
    const { output, env } = context;
    const urls = await findUrls(context, name, options);
    output.show({ container: name, urls }, () => urls.map(({ url }) => `${url}\n`).join(''));
    const opener = options.print || output.json ? undefined : findOpener(env);
    const [first] = urls;
    if (opener === undefined || first === undefined) return exitCodes.done;
    try {
      await openWith(opener, first.url);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
      output.warn(`${opener} could not be started${code}; open the URL yourself`);
    }
    return exitCodes.done;
  },
});

interface Wanted {
  readonly port: number | undefined;
  readonly host: string | undefined;
}

/** At least one. Throws `CliError` where there is none to reach. */
async function findUrls(
  { connect, output, signal }: Context,
  name: string,
  { port, host }: Wanted,
): Promise<readonly PublishedUrl[]> {
  const client = await connect();
  using _spinner = output.spin(`Asking for the ports of ${name}`);
  const container = await client.containers.status.query({ name }, { signal });
  const { state } = container;
  if (state !== 'running' && state !== 'paused') {
    throw new CliError(
      exitCodes.conflict,
      `${name} is ${state}, so it publishes nothing; start it with ondemand start ${name}`,
    );
  }
  const reachable = choose(parsePublished(container.ports), name, port);
  const needsHost = reachable.some(({ ip }) => ip === '');
  const at = host ?? (needsHost ? await findHost(client, signal) : '');
  return reachable.map((one) => toPublishedUrl(host === undefined ? one : { ...one, ip: '' }, at));
}

function choose(
  published: readonly PublishedPort[],
  name: string,
  port: number | undefined,
): readonly PublishedPort[] {
  if (published.length === 0) throw none(`${name} publishes no TCP port`, name);
  const wanted = published.filter(
    ({ containerPort, hostPort }) =>
      port === undefined || containerPort === port || hostPort === port,
  );
  if (wanted.length === 0) {
    const ports = published.map(({ containerPort }) => containerPort).join(', ');
    throw usageError(`--port: ${name} does not publish ${port}; it publishes ${ports}`);
  }
  const reachable = wanted.filter((one) => !isOnLoopback(one));
  if (reachable.length > 0) return reachable;
  throw none(`${name} publishes on the loopback of the VM alone`, name, wanted[0]?.containerPort);
}

function none(what: string, name: string, port: number | string = 'PORT'): CliError {
  return new CliError(
    exitCodes.notFound,
    `${what}, so no browser reaches it from here; ondemand port-forward ${name} ${port} does`,
  );
}

async function findHost(client: OnDemandClient, signal: AbortSignal): Promise<string> {
  try {
    return (await client.vm.address.query(undefined, { signal })).host;
  } catch (error) {
    if (!isApiError(error, 'FORBIDDEN') && !isApiError(error, 'NOT_FOUND')) throw error;
  }
  const { ip } = await client.vm.status.query(undefined, { signal });
  if (ip !== undefined) return ip;
  throw new CliError(
    exitCodes.denied,
    'The VM has no public IP, and where the API reaches it is told to admins alone; say it with --host',
  );
}

function parseHost(text: string): string {
  const name = text.replace(/^\[(.*)\]$/, '$1');
  const isHost = /^[\w.-]+$/.test(name) || /^[\da-f:.]+$/i.test(name);
  if (isHost && URL.canParse(`http://${name.includes(':') ? `[${name}]` : name}`)) return name;
  throw usageError(`needs a host name or an IP address, not '${text}'`);
}
