// A real sshd, users and sockets: each cause of a refused socket is reported as such, and no longer once it is fixed.

import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isAppError } from '../../app-error.ts';
import { connectTo, describeSshd, startSshd } from '../../testing/sshd.test-support.ts';
import { addSystemUser } from '../../testing/system-user.test-support.ts';
import { createEngine } from './engine.ts';
import { probeSocket } from './socket-probe.ts';
import type { DockerTransport } from './transport.ts';

/** A busy machine may need long for a command. */
const timeoutMs = 60_000;

async function startWorld(config: readonly string[] = []) {
  const sshd = await startSshd({ config });
  const user = await addSystemUser(sshd, { shell: '/bin/sh' });
  const socketPath = join(sshd.folder, 'docker.sock');
  let nowMs = 0;
  const connection = connectTo(sshd, { username: user.name, nowMs: () => nowMs });
  const web = http.createServer((request, response) => {
    response.setHeader('api-version', '1.41');
    const version = { Version: '20.10', ApiVersion: '1.41', MinAPIVersion: '1.12' };
    const isVersion = request.url?.endsWith('/version');
    response.end(request.url === '/_ping' ? 'OK' : isVersion ? JSON.stringify(version) : '[]');
  });
  const ask = async (transport: DockerTransport) => {
    const engine = createEngine({ channels: connection, socketPath, transport, timeoutMs });
    const failed = (error: unknown) => {
      if (isAppError(error)) return { reason: error.details.reason, message: error.message };
      throw error;
    };
    const answer = await engine.list().catch(failed);
    await engine[Symbol.asyncDispose]();
    return answer;
  };
  return {
    folder: sshd.folder,
    user: user.name,
    socketPath,
    connection,
    ask,
    later: () => {
      nowMs += 60_000;
    },
    async listen(path = socketPath) {
      web.listen(path);
      await once(web, 'listening');
      await chmod(path, 0o660);
    },
    async [Symbol.asyncDispose]() {
      web.closeAllConnections();
      web.close();
      await connection[Symbol.asyncDispose]();
      await user[Symbol.asyncDispose]();
      await sshd[Symbol.asyncDispose]();
    },
  };
}

describeSshd('a refused socket', () => {
  it.each(['auto', 'socket'] as const)('that is missing (%s)', async (transport) => {
    await using world = await startWorld();
    expect(await world.ask(transport)).toMatchObject({
      reason: 'DOCKER_SOCKET_MISSING',
      message: expect.stringMatching(/no such file as DOCKER_SOCKET/),
    });
  });

  it('that is a plain file', async () => {
    await using world = await startWorld();
    await writeFile(world.socketPath, '');
    expect(await world.ask('auto')).toMatchObject({ message: expect.stringMatching(/no socket/) });
  });

  it.each(['auto', 'socket', 'dial-stdio'] as const)(
    'that an engine left behind (%s)',
    async (transport) => {
      await using world = await startWorld();
      const script = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
      spawnSync(process.execPath, ['-e', script, world.socketPath]);
      await chmod(world.socketPath, 0o666);
      expect(await world.ask(transport)).toMatchObject({
        reason: 'DOCKER_DOWN',
        message: expect.stringMatching(/nothing listens.*systemctl start docker/),
      });
    },
  );

  it.each(['auto', 'socket', 'dial-stdio'] as const)(
    'that belongs to a group, until the user is in it (%s)',
    async (transport) => {
      await using world = await startWorld();
      await world.listen();
      const group = `${world.user}-g`;
      execFileSync('groupadd', [group]);
      try {
        const gid = Number(execFileSync('getent', ['group', group]).toString().split(':')[2]);
        await chown(world.socketPath, 0, gid);
        expect(await world.ask(transport)).toMatchObject({
          reason: 'DOCKER_PERMISSION_DENIED',
          message: expect.stringContaining(`sudo usermod -aG ${group} ${world.user}`),
        });
        execFileSync('usermod', ['-aG', group, world.user]);
        await chmod(world.socketPath, 0o600);
        world.later();
        await world.ask(transport);
        await expect
          .poll(async () => world.ask(transport))
          .toMatchObject({
            reason: 'DOCKER_PERMISSION_DENIED',
            message: expect.stringMatching(/^(?!.*usermod).*socket's mode.*chmod g\+rw/),
          });
        await chmod(world.socketPath, 0o660);
        if (transport === 'dial-stdio') return; // which docker is to relay it is not this test's subject
        world.later();
        await world.ask(transport);
        await expect.poll(() => world.ask(transport)).toEqual([]);
      } finally {
        execFileSync('groupdel', ['--force', group]);
      }
    },
  );

  it('in a folder that the user may not search', async () => {
    await using world = await startWorld();
    await mkdir(join(world.folder, 'locked'), { mode: 0o700 });
    const path = join(world.folder, 'locked', 'docker.sock');
    await world.listen(path);
    expect(await probeSocket(world.connection, path, { timeoutMs })).toEqual({
      cause: 'denied',
      user: world.user,
    });
  });

  it.each(['AllowStreamLocalForwarding no', 'DisableForwarding yes'])(
    'because of %s',
    async (line) => {
      await using world = await startWorld([line]);
      await world.listen();
      await chmod(world.socketPath, 0o666);
      expect(await world.ask('socket')).toMatchObject({
        reason: 'DOCKER_FORWARDING_FORBIDDEN',
        message: expect.stringMatching(/sshd forbids forwarding.*DOCKER_TRANSPORT/),
      });
    },
  );
});
