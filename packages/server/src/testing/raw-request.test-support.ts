// Requests as bytes, for what fetch and Node's own client would refuse to send or would correct.

import { once } from 'node:events';
import { connect } from 'node:net';
import type { TestServer } from './test-server.test-support.ts';

/** Sends the bytes and resolves with all that comes back until the server closes the connection. */
export async function exchange(server: Pick<TestServer, 'url'>, bytes: string): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, 'connect');
  socket.write(bytes);
  return Buffer.concat(await socket.toArray()).toString();
}

/** One request of these lines; `connection: close` is added, nothing else. */
export async function askRaw(
  server: Pick<TestServer, 'url'>,
  lines: readonly string[],
  body = '',
): Promise<Response> {
  return toResponse(
    await exchange(server, `${[...lines, 'connection: close'].join('\r\n')}\r\n\r\n${body}`),
  );
}

/** The first answer in the bytes; those of one in chunks are not put together. */
export function toResponse(bytes: string): Response {
  const [head = '', ...rest] = bytes.split('\r\n\r\n');
  const [statusLine = '', ...headers] = head.split('\r\n');
  return new Response(rest.join('\r\n\r\n') || null, {
    status: Number(statusLine.split(' ')[1]),
    headers: headers.map((line) => {
      const [name = '', ...value] = line.split(': ');
      return [name, value.join(': ')] as [string, string];
    }),
  });
}
