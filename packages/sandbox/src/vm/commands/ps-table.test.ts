import { expect, test } from 'vitest';
import type { PortBinding } from '../../engine/views/to-list-item.ts';
import { formatPorts } from './ps-table.ts';

function bind(text: string): PortBinding {
  const [, IP, publicPort, privatePort, Type = 'tcp'] =
    /^(?:(.+)@)?(?:(\d+)>)?(\d+)(?:\/(\w+))?$/.exec(text) ?? [];
  return {
    PrivatePort: Number(privatePort),
    Type,
    ...(IP !== undefined && { IP }),
    ...(publicPort !== undefined && { PublicPort: Number(publicPort) }),
  };
}

// As the tests of docker/cli have it.
test.each([
  ['', ''],
  ['9988', '9988/tcp'],
  ['9988/udp', '9988/udp'],
  ['4.3.2.1@8899>9988', '4.3.2.1:8899->9988/tcp'],
  ['4.3.2.1@9988>9988', '4.3.2.1:9988->9988/tcp'],
  ['9988/udp 9988', '9988/tcp, 9988/udp'],
  [
    '1.2.3.4@9998>9998 1.2.3.4@9999>9999 3.3.3.3@8>8',
    '3.3.3.3:8->8/tcp, 1.2.3.4:9998-9999->9998-9999/tcp',
  ],
  ['0.0.0.0@80>80 0.0.0.0@81>81 0.0.0.0@82>82', '0.0.0.0:80-82->80-82/tcp'],
  ['0.0.0.0@8080>80 ::@8080>80', '0.0.0.0:8080->80/tcp, [::]:8080->80/tcp'],
  ['80 81 90', '80-81/tcp, 90/tcp'],
  ['443 0.0.0.0@8443>80', '443/tcp, 0.0.0.0:8443->80/tcp'],
])('%s prints as %s', (bindings, text) => {
  expect(formatPorts(bindings.split(' ').filter(Boolean).map(bind))).toBe(text);
});
