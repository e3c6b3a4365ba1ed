// PORTS against what `docker ps` prints.

import { expect, test } from 'vitest';
import type { EnginePort } from '../engine/schemas.ts';
import { formatPorts } from './ports.ts';

type Row = readonly [
  ip: string | undefined,
  publicPort: number | undefined,
  privatePort: number,
  type: string,
];

const rows: readonly (readonly [name: string, ports: readonly Row[], printed: string])[] = [
  ['nothing', [], ''],
  ['an exposed port', [[undefined, undefined, 80, 'tcp']], '80/tcp'],
  ['a published port', [['0.0.0.0', 8080, 80, 'tcp']], '0.0.0.0:8080->80/tcp'],
  ['a port published under its own number', [['0.0.0.0', 80, 80, 'tcp']], '0.0.0.0:80->80/tcp'],
  [
    'both address families',
    [
      ['::', 443, 443, 'tcp'],
      ['0.0.0.0', 443, 443, 'tcp'],
    ],
    '0.0.0.0:443->443/tcp, [::]:443->443/tcp',
  ],
  ['a translated IPv6 port', [['fe80::1', 8080, 80, 'udp']], '[fe80::1]:8080->80/udp'],
  [
    'a published range',
    [
      ['0.0.0.0', 82, 82, 'tcp'],
      ['0.0.0.0', 80, 80, 'tcp'],
      ['0.0.0.0', 81, 81, 'tcp'],
    ],
    '0.0.0.0:80-82->80-82/tcp',
  ],
  [
    'a range per family',
    [
      ['::', 80, 80, 'tcp'],
      ['::', 81, 81, 'tcp'],
      ['0.0.0.0', 80, 80, 'tcp'],
      ['0.0.0.0', 81, 81, 'tcp'],
    ],
    '0.0.0.0:80-81->80-81/tcp, [::]:80-81->80-81/tcp',
  ],
  [
    'a translated range, port by port',
    [
      ['1.2.3.4', 8887, 9998, 'udp'],
      ['1.2.3.4', 8888, 9999, 'udp'],
    ],
    '1.2.3.4:8887->9998/udp, 1.2.3.4:8888->9999/udp',
  ],
  [
    'an exposed range, and a gap in it',
    [
      [undefined, undefined, 9998, 'udp'],
      [undefined, undefined, 9999, 'udp'],
      [undefined, undefined, 9001, 'udp'],
    ],
    '9001/udp, 9998-9999/udp',
  ],
  [
    'finished ranges before those that go on, translated ones last',
    [
      ['0.0.0.0', 7766, 6677, 'tcp'],
      [undefined, undefined, 1, 'tcp'],
      [undefined, undefined, 5, 'tcp'],
      [undefined, undefined, 3, 'udp'],
    ],
    '1/tcp, 5/tcp, 3/udp, 0.0.0.0:7766->6677/tcp',
  ],
  [
    'protocols apart, addresses by number',
    [
      ['10.0.0.2', 80, 1024, 'tcp'],
      ['9.0.0.1', 80, 1024, 'udp'],
      ['9.0.0.1', 80, 1024, 'tcp'],
      ['::1', 80, 1024, 'tcp'],
    ],
    '9.0.0.1:80->1024/tcp, 9.0.0.1:80->1024/udp, 10.0.0.2:80->1024/tcp, [::1]:80->1024/tcp',
  ],
  [
    'a port with a public number but no address, as unpublished',
    [[undefined, 8899, 9988, 'udp']],
    '9988/udp',
  ],
  [
    'the same port published twice',
    [
      ['0.0.0.0', 8081, 80, 'tcp'],
      ['0.0.0.0', 8080, 80, 'tcp'],
    ],
    '0.0.0.0:8080->80/tcp, 0.0.0.0:8081->80/tcp',
  ],
];

test.each(rows)('formatPorts() prints %s as docker ps does', (_name, ports, printed) => {
  expect(formatPorts(ports.map(toPort))).toBe(printed);
});

test('formatPorts() prints the same whatever the order of the list', () => {
  for (const [, ports, printed] of rows) {
    expect(formatPorts([...ports].reverse().map(toPort))).toBe(printed);
  }
});

function toPort([ip, publicPort, privatePort, type]: Row): EnginePort {
  return { IP: ip, PublicPort: publicPort, PrivatePort: privatePort, Type: type };
}
