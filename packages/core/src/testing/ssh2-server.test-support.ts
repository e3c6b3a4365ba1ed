// An SSH server in the test's own process, for what a real sshd cannot be made to do or to tell.

import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { createSshConnection, type SshConnectionOptions } from '../ssh/connection/connection.ts';
import { toFingerprint } from '../ssh/login/host-key.ts';

export interface FakeSshd extends AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly privateKeyFile: string;
  readonly knownHostsFile: string;
  readonly fingerprint: string;
  /** How many TCP connections have come, and how many times anybody tried to log in. */
  readonly connections: number;
  readonly logins: number;
  readonly openChannels: number;
  /** Ends every connection that is open. */
  hangUp(): void;
}

export interface FakeSshdOptions {
  /** Shown at each login. */
  readonly greeting?: string;
  /** Called instead of the default, which lets everybody in who has a key. */
  readonly onLogin?: (context: ssh2.AuthContext) => void;
  /** What a socket channel does; the default echoes. */
  readonly onSocket?: (channel: ssh2.ServerChannel) => void;
  /** Waited for before a channel is accepted. */
  readonly beforeAccept?: Promise<void>;
  /** False leaves channel opens without an answer. */
  readonly answersChannels?: boolean;
  /** Called once the command's mark is out, as if a shell had run its line. */
  readonly onExec?: (channel: ssh2.ServerChannel, line: string) => void;
  /** False runs something else in the place of every command: no mark. */
  readonly runsCommands?: boolean;
}

/** Starts a server with a host key of its own. */
export async function startFakeSshd({
  greeting,
  onLogin = (context) => context.accept(),
  onSocket = (channel) => void channel.pipe(channel),
  onExec = (channel) => {
    channel.exit(0);
    channel.end();
  },
  answersChannels = true,
  runsCommands = true,
  beforeAccept,
}: FakeSshdOptions = {}): Promise<FakeSshd> {
  const folder = await mkdtemp(join(tmpdir(), 'ondemand-ssh2-'));
  // Not ed25519: of those that ssh2 makes, one in 250 cannot be read.
  const hostKey = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
  const clientKey = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 });
  const clients = new Set<ssh2.Connection>();
  let connections = 0;
  let logins = 0;
  let openChannels = 0;
  const count = (channel: ssh2.ServerChannel) => {
    openChannels += 1;
    // A server's channel is done with only when it has been read to its end.
    channel.resume();
    channel.on('close', () => {
      openChannels -= 1;
    });
    return channel;
  };

  const sshd = new ssh2.Server(
    { hostKeys: [hostKey.private], ...(greeting && { banner: greeting }) },
    (client) => {
      connections += 1;
      clients.add(client);
      client.on('error', () => {});
      client.on('close', () => clients.delete(client));
      client.on('authentication', (context) => {
        logins += 1;
        onLogin(context);
      });
      client.on('openssh.streamlocal', (accept) => {
        if (!answersChannels) return;
        if (beforeAccept) void beforeAccept.then(() => onSocket(count(accept())));
        else onSocket(count(accept()));
      });
      client.on('session', (acceptSession) => {
        if (!answersChannels) return;
        acceptSession().on('exec', async (acceptExec, _reject, { command }) => {
          if (beforeAccept) await beforeAccept;
          const channel = count(acceptExec());
          const [, marker] = / ondemand 'p([^']*)'/.exec(command) ?? [];
          if (runsCommands && marker !== undefined) {
            if (!command.includes('exec 2>&1')) channel.stderr.write(`${marker}4711\n`);
            channel.write(`${marker}4711\n`);
          }
          onExec(channel, command);
        });
      });
    },
  );
  const server = createServer({ noDelay: true }, (socket) => sshd.injectSocket(socket)); // as OpenSSH's
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port given');

  const publicKey = ssh2.utils.parseKey(hostKey.public);
  if (publicKey instanceof Error) throw publicKey;
  const blob = publicKey.getPublicSSH();
  const knownHostsFile = join(folder, 'known_hosts');
  const privateKeyFile = join(folder, 'key');
  await writeFile(
    knownHostsFile,
    `[127.0.0.1]:${address.port} ${publicKey.type} ${blob.toString('base64')}\n`,
  );
  await writeFile(privateKeyFile, clientKey.private);

  return {
    port: address.port,
    folder,
    privateKeyFile,
    knownHostsFile,
    fingerprint: toFingerprint(blob),
    get connections() {
      return connections;
    },
    get logins() {
      return logins;
    },
    get openChannels() {
      return openChannels;
    },
    hangUp() {
      for (const client of clients) client.end();
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.end();
      server.close();
      await once(server, 'close');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A connection to the server, as the user that it lets in. */
export function connectTo(server: FakeSshd, options: Partial<SshConnectionOptions> = {}) {
  return createSshConnection({
    resolveHost: async () => '127.0.0.1',
    port: server.port,
    username: 'opc',
    privateKeyFile: server.privateKeyFile,
    knownHostsFile: server.knownHostsFile,
    ...options,
  });
}
