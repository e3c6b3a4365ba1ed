// Another way to the real VM's sshd: on this host's loopback, with sessions in the VM's own network, where its containers are.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { listDescendants, signalPid } from '../real-engine/process-tree.ts';
import { requireTool } from '../real-engine/real-engine-problem.ts';
import type { RealVm } from '../real-engine/start-real-vm.ts';

export interface SshGate extends AsyncDisposable {
  readonly port: number;
  /** Ends every connection, without a word to the clients. */
  drop(): Promise<void>;
}

/** An sshd for each connection, with the settings and the host key that the VM's own has at that time. */
export async function startSshGate(vm: RealVm): Promise<SshGate> {
  const config = join(dirname(vm.sshd.knownHostsFile), 'sshd_config');
  const inside = ['-t', String(vm.pid), '--pid', '--mount', '--uts', '--net', '--'];
  const argv = [...inside, requireTool('sshd'), '-i', '-f', config];
  const running = new Set<ChildProcess>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const child = spawn(requireTool('nsenter'), argv, { stdio: [socket, socket, 'ignore'] });
    running.add(child);
    child.once('close', () => running.delete(child));
    socket.destroy(); // sshd has it
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const drop = async (): Promise<void> => {
    for (const child of running) {
      const { pid } = child;
      if (pid === undefined) continue;
      const closed = once(child, 'close');
      for (const each of [...(await listDescendants(pid)), pid]) signalPid(each, 'SIGKILL');
      await closed;
    }
  };
  return {
    port: (server.address() as AddressInfo).port, // listening on TCP
    drop,
    async [Symbol.asyncDispose]() {
      server.close();
      await drop();
      await once(server, 'close').catch(() => {});
    },
  };
}
