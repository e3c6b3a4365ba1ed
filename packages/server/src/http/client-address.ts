// A request's client address in one normal form.

import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/**
 * Gateways such as Azure's and IIS' add ports to `X-Forwarded-For`, which Fastify then takes for no address at all: they are cut off before it reads them.
 * An IPv4 address in IPv6's spelling is given as IPv4; what is no address falls back to the peer's.
 */
export function readClientAddress(request: FastifyRequest): string {
  const { headers } = request.raw;
  const forwarded = headers['x-forwarded-for'];
  if (forwarded !== undefined) headers['x-forwarded-for'] = withoutPorts([forwarded].flat().join());
  const addresses = [request.ip, request.socket.remoteAddress].map((each = '') => toIpv4(each)); // both are missing once the caller has gone
  return addresses.find((address) => isIP(address) > 0) ?? 'unknown';
}

function withoutPorts(list: string): string {
  return list
    .split(',')
    .map((each) => each.trim())
    .map((each) => /^\[([^\]]+)\](?::\d*)?$/.exec(each)?.[1] ?? each)
    .map((each) => /^([\d.]+):\d*$/.exec(each)?.[1] ?? each)
    .join(', ');
}

function toIpv4(address: string): string {
  return /^::ffff:([\d.]+)$/i.exec(address)?.[1] ?? address;
}
