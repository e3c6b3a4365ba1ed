import { expect, test } from 'vitest';
import { toHostKeyAlgorithms, toKnownHosts } from './known-hosts.ts';

const ed25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8';
const rsa = 'ssh-rsa AAAAB3NzaC1yc2E=';
const at = (host: string, port = 22, hostKeys: string[] = [ed25519]) => ({
  ...{ host, port, hostKeys, user: 'opc' },
});

test.each([
  [at('203.0.113.7'), `oci-flex,203.0.113.7 ${ed25519}\n`],
  [at('vm.example.com', 2222), `oci-flex,[vm.example.com]:2222 ${ed25519}\n`],
  [at('2001:db8::1'), `oci-flex,2001:db8::1 ${ed25519}\n`],
  [at('2001:db8::1', 2222), `oci-flex,[2001:db8::1]:2222 ${ed25519}\n`],
  [at('h', 22, [ed25519, rsa]), `oci-flex,h ${ed25519}\noci-flex,h ${rsa}\n`],
])('%j is written as known_hosts has it', (address, lines) => {
  expect(toKnownHosts(address)).toBe(lines);
});

test.each([
  at('-oProxyCommand=id'),
  at('a b'),
  at('a\nb'),
  at(''),
  at('h', 0),
  at('h', 70_000),
  at('h', 22, []),
  at('h', 22, [`${ed25519}\n* ssh-rsa AAAA`]),
  at('h', 22, ['ssh-ed25519']),
])('%j never reaches ssh', (address) => {
  expect(() => toKnownHosts(address)).toThrow('GET /vm/address');
});

test('ssh asks for a key of the types that are known, and RSA by its newer signatures', () => {
  expect(toHostKeyAlgorithms({ hostKeys: [ed25519] })).toBe('ssh-ed25519');
  expect(toHostKeyAlgorithms({ hostKeys: [rsa, ed25519, rsa] })).toBe(
    'rsa-sha2-512,rsa-sha2-256,ssh-ed25519',
  );
  expect(toHostKeyAlgorithms({ hostKeys: ['ecdsa-sha2-nistp256 AAAA'] })).toBe(
    'ecdsa-sha2-nistp256',
  );
});
