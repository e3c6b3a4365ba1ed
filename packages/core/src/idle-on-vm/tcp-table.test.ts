import { expect, test } from 'vitest';
import { formatEnd } from '../model/tcp-endpoint.ts';
import { normalizeAddress, toTcpEnd } from './tcp-table.ts';

test.each([
  ['0100007F:0016', '127.0.0.1:22'],
  ['076433C6:C822', '198.51.100.7:51234'],
  ['0000000000000000FFFF0000090200C0:0050', '192.0.2.9:80'],
  ['B80D0120000000000000000005000000:9C40', '[2001:db8::5]:40000'],
  ['00000000000000000000000001000000:0001', '[::1]:1'],
  ['00000000000000000000000000000000:0000', '[::]:0'],
])('%s is %s', (text, expected) => {
  const end = toTcpEnd(text);
  expect(end && formatEnd(end)).toBe(expected);
});

test.each(['', '0100007F', '0100007F:16', '0100007f:0016', 'local_address', '0100007F00:0016'])(
  '%j is no address',
  (text) => expect(toTcpEnd(text)).toBeUndefined(),
);

test.each([
  ['198.51.100.7', '198.51.100.7'],
  ['::ffff:198.51.100.7', '198.51.100.7'],
  ['2001:DB8:0:0:0:0:0:5', '2001:db8::5'],
  ['fe80::1%eth0', 'fe80::1'],
  ['UNKNOWN', 'UNKNOWN'],
])('sshd writes %s, and tables %s', (written, expected) => {
  expect(normalizeAddress(written)).toBe(expected);
});
