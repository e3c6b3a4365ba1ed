// Addresses of /proc/net/tcp and tcp6: hexadecimal, each word of four bytes in the order of a little-endian machine.

import type { TcpEnd } from '../model/tcp-endpoint.ts';

/** IPv4, also where a socket of IPv6 carries it, or IPv6 in its short form: `0100007F:0016` as 127.0.0.1 and 22; `undefined` for what is no address. */
export function toTcpEnd(text: string): TcpEnd | undefined {
  const [, hex = '', port = ''] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text) ?? [];
  if (port === '') return undefined;
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  );
  return { address: toAddress(bytes), port: Number.parseInt(port, 16) };
}

/** As tables give it, of what sshd or Docker write: without a zone, IPv4 as such. */
export function normalizeAddress(address: string): string {
  const bare = address.replace(/%.*$/, '');
  if (!bare.includes(':')) return bare;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  // The URL parser knows the short form: https://url.spec.whatwg.org/#concept-ipv6-serializer
  return URL.canParse(`http://[${bare}]`)
    ? new URL(`http://[${bare}]`).hostname.slice(1, -1)
    : bare;
}

function toAddress(bytes: readonly number[]): string {
  const isMapped =
    bytes.length === 16 &&
    bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff;
  if (bytes.length === 4 || isMapped) return bytes.slice(-4).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  return normalizeAddress(groups.join(':'));
}
