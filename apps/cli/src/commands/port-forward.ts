// `ondemand port-forward`: a port of a container on this machine, by the user's own ssh.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { CliError, usageError } from '../cli-error.ts';
import { defineCommand } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { endOfSsh, sshFailed, start } from '../remote/child.ts';
import { parsePorts, toForwardHost, toForwarding } from '../remote/forwarded-port.ts';
import { sshOptions, withContainer } from '../remote/wake-and-prepare-ssh.ts';

export const portForward = defineCommand({
  description: `Connect a port of this machine to one of a container, published or not, by ssh -L, until Ctrl-C.
It listens on 127.0.0.1 alone, at the same port unless LOCAL says another; LOCAL 0 is any free one.
The VM is woken first and kept on meanwhile. A container that was started anew may have another
address: run it again then.
--json prints { "address", "port", "container", "containerPort" } once it listens.`,
  operands: { arity: 'two', label: 'NAME [LOCAL:]PORT', from: 'containers' },
  options: {
    address: {
      kind: 'value',
      placeholder: 'ADDRESS',
      summary: 'Where it listens (default: 127.0.0.1)',
      fallback: '127.0.0.1',
      parse: parseAddress,
    },
    ...sshOptions,
  },
  examples: [
    'ondemand port-forward db 5432',
    'ondemand port-forward web 8080:80',
    'ondemand port-forward web 0:80 --json',
  ],
  async run(context, { options, operands: [name, ports] }) {
    const { output } = context;
    const wanted = parsePorts(ports);
    const { address } = options;
    const port = await claimPort(address, wanted.local);
    const session = { options, reason: `ondemand port-forward ${name}`, name };
    const exitCode = await withContainer(context, session, async ({ container, ssh }) => {
      const host = toForwardHost(container);
      const child = start(
        ssh({
          settings: forwardSettings,
          flags: [
            ...['-N', '-T'],
            ...['-L', toForwarding({ address, port }, { host, port: wanted.remote })],
          ],
        }),
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      child.stdout?.once('data', () => {
        output.show(
          { address, port, container: container.name, containerPort: wanted.remote },
          () => `Forwarding ${address}:${port} -> ${container.name}:${wanted.remote}\n`,
        );
      });
      child.stdout?.resume();
      return endOfSsh(child, context);
    });
    if (exitCode === exitCodes.interrupted) output.endLine();
    return exitCode === sshFailed ? exitCodes.unavailable : exitCode;
  },
});

/** ssh runs the local command once it listens, and says so nowhere else. */
const forwardSettings = [
  'ExitOnForwardFailure=yes',
  'RemoteCommand=none',
  'SessionType=none',
  'ForkAfterAuthentication=no',
  'PermitLocalCommand=yes',
  'LocalCommand=echo listening',
];

/** Throws `CliError` where it cannot be listened there; ssh would say so only once the VM is awake. */
async function claimPort(address: string, wanted: number): Promise<number> {
  const server = createServer();
  try {
    server.listen({ host: address, port: wanted, exclusive: true });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // listening on TCP
    server.close();
    await once(server, 'close');
    return port;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // of the system alone
    throw new CliError(
      code === 'EADDRINUSE' ? exitCodes.conflict : exitCodes.failed,
      `${address}:${wanted} cannot be listened on: ${reasons[code ?? ''] ?? code}; name another with LOCAL:PORT, or 0:PORT for any`,
      { cause: error },
    );
  }
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there already',
  EACCES: 'this user may not (ports below 1024 need root)',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'this machine has no such address',
};

function parseAddress(text: string): string {
  if (/^[A-Za-z0-9.:-]+$/.test(text) && !text.startsWith('-')) return text;
  throw usageError(`needs an address of this machine, such as 127.0.0.1, not '${text}'`);
}
