// One end of a TCP connection, as people write it.

export interface TcpEnd {
  /** IPv4, or IPv6 in its short form. */
  readonly address: string;
  readonly port: number;
}

/** `198.51.100.7:51234`, `[2001:db8::5]:51234` */
export function formatEnd({ address, port }: TcpEnd): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
