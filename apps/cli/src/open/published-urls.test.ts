import { expect, test } from 'vitest';
import { isOnLoopback, parsePublished, toPublishedUrl } from './published-urls.ts';

test.each([
  ['', []],
  ['80/tcp, 443/tcp', []],
  ['0.0.0.0:53->53/udp', []],
  ['0.0.0.0:8080->80/tcp', ['http://vm.example:8080/']],
  ['0.0.0.0:8080->80/tcp, [::]:8080->80/tcp', ['http://vm.example:8080/']],
  ['0.0.0.0:80->80/tcp, :::80->80/tcp, 443/tcp', ['http://vm.example/']],
  [
    '0.0.0.0:5432->5432/tcp, 0.0.0.0:8443->443/tcp, 0.0.0.0:80->80/tcp',
    ['https://vm.example:8443/', 'http://vm.example/', 'http://vm.example:5432/'],
  ],
  ['0.0.0.0:9000-9001->9000-9001/tcp', ['http://vm.example:9000/', 'http://vm.example:9001/']],
  ['100.64.0.1:8080->80/tcp', ['http://100.64.0.1:8080/']],
  ['[fd00::1]:8080->80/tcp', ['http://[fd00::1]:8080/']],
])('%s is reached at %j', (ports, urls) => {
  const found = parsePublished(ports).map((port) => toPublishedUrl(port, 'vm.example').url);
  expect(found).toEqual(urls);
});

test('what is on the loopback of the VM is told from the rest', () => {
  const found = parsePublished('127.0.0.1:8080->80/tcp, [::1]:81->81/tcp, 0.0.0.0:82->82/tcp');
  expect(found.map((port) => [port.hostPort, isOnLoopback(port)])).toEqual([
    [8080, true],
    [81, true],
    [82, false],
  ]);
});
