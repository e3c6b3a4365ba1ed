import { expect, test } from 'vitest';
import { inspection } from '../testing/fixtures.test-support.ts';
import { parsePorts, toForwardHost, toForwarding } from './forwarded-port.ts';

test.each([
  ['80', { local: 80, remote: 80 }],
  ['8080:80', { local: 8080, remote: 80 }],
  ['0:80', { local: 0, remote: 80 }],
  [':80', { local: 0, remote: 80 }],
  ['65535:1', { local: 65_535, remote: 1 }],
])('%s is %j', (text, pair) => {
  expect(parsePorts(text)).toEqual(pair);
});

test.each(['', '0', '80:0', '65536', '70000:80', 'a', '1:2:3', '-1', '80/tcp', ' 80', '8e1'])(
  "'%s' is no port",
  (text) => {
    expect(() => parsePorts(text)).toThrow('port-forward needs PORT or LOCAL:PORT');
  },
);

const network = { name: 'bridge', ipAddress: '172.17.0.2', ipv6Address: '' };
const container = (...networks: Partial<typeof network>[]) => ({
  ...inspection,
  networks: networks.map((each) => ({
    ...{ ...network, gateway: '', macAddress: '', aliases: [] },
    ...each,
  })),
});

test('a container is reached at its own address, in whichever network it has one', () => {
  expect(toForwardHost(container({}))).toBe('172.17.0.2');
  expect(toForwardHost(container({ name: 'a', ipAddress: '' }, { ipAddress: '172.18.0.3' }))).toBe(
    '172.18.0.3',
  );
  expect(toForwardHost(container({ ipAddress: '', ipv6Address: 'fd00::2' }))).toBe('fd00::2');
});

test("the VM's own network is its loopback; what has no address is refused", () => {
  expect(toForwardHost(container({ name: 'host', ipAddress: '' }))).toBe('127.0.0.1');
  expect(() => toForwardHost(container({ name: 'none', ipAddress: '' }))).toThrow('has no network');
  expect(() => toForwardHost(container())).toThrow("shares another container's network");
  expect(() => toForwardHost({ ...container({}), state: 'exited' })).toThrow('ondemand start');
});

test('addresses of IPv6 stand in brackets', () => {
  expect(toForwarding({ address: '::1', port: 8080 }, { host: 'fd00::2', port: 80 })).toBe(
    '[::1]:8080:[fd00::2]:80',
  );
});
