import { expect, test } from 'vitest';
import { toShortPorts } from './container-table.ts';

test.each([
  ['0.0.0.0:8080->80/tcp, [::]:8080->80/tcp', '0.0.0.0:8080->80/tcp'],
  ['0.0.0.0:8080->80/tcp, :::8080->80/tcp, 443/tcp', '0.0.0.0:8080->80/tcp, 443/tcp'],
  ['0.0.0.0:53->53/udp, [::]:53->53/tcp', '0.0.0.0:53->53/udp, [::]:53->53/tcp'],
  ['[::]:8080->80/tcp', '[::]:8080->80/tcp'],
  ['127.0.0.1:8080->80/tcp, [::1]:8080->80/tcp', '127.0.0.1:8080->80/tcp, [::1]:8080->80/tcp'],
  ['', ''],
])('%j is shown as %j', (ports, shown) => {
  expect(toShortPorts(ports)).toBe(shown);
});
