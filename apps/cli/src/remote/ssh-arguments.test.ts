import { expect, test } from 'vitest';
import { quotePath, toSshArguments } from './ssh-arguments.ts';

const call = {
  address: {
    host: '203.0.113.7',
    port: 2222,
    user: 'api',
    hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8'],
  },
  knownHostsFile: '/tmp/x/known_hosts',
  user: undefined,
  identities: [],
  options: [],
};

test('ssh trusts the keys of the file alone, whatever the user has set', () => {
  const args = toSshArguments(call);
  const settings = args.flatMap((arg, index) => (args[index - 1] === '-o' ? [arg] : []));
  expect(settings.slice(0, 11)).toEqual([
    'IgnoreUnknown=*',
    'UserKnownHostsFile=/tmp/x/known_hosts',
    'GlobalKnownHostsFile=/dev/null',
    'KnownHostsCommand=none',
    'StrictHostKeyChecking=yes',
    'HostKeyAlias=oci-flex',
    'CheckHostIP=no',
    'UpdateHostKeys=no',
    'VerifyHostKeyDNS=no',
    'HostKeyAlgorithms=ssh-ed25519',
    'ControlMaster=no',
  ]);
  expect(settings).toContain('ControlPath=none');
  expect(args.slice(-3)).toEqual(['-p', '2222', '203.0.113.7']);
});

test("the user's name, keys and agent are ssh's own business unless they are given", () => {
  const args = toSshArguments(call).join(' ');
  expect(args).not.toMatch(/-l|-i |IdentityFile|IdentitiesOnly|IdentityAgent|BatchMode|User=/);
  const given = toSshArguments({
    ...call,
    user: 'opc',
    identities: ['/k'],
    options: ['StrictHostKeyChecking=no', 'ServerAliveInterval=60'],
    flags: ['-t'],
    command: '-x y',
  });
  expect(given.slice(-10)).toEqual([
    '-i',
    '/k',
    '-l',
    'opc',
    '-p',
    '2222',
    '-t',
    '203.0.113.7',
    '--',
    '-x y',
  ]);
  // ssh takes the first of several.
  const at = (setting: string) => given.indexOf(setting);
  expect(at('StrictHostKeyChecking=yes')).toBeLessThan(at('StrictHostKeyChecking=no'));
  expect(at('ServerAliveInterval=60')).toBeLessThan(at('ServerAliveInterval=15'));
});

test.each([
  ['/tmp/a-b/known_hosts', '/tmp/a-b/known_hosts'],
  ['/tmp/a b', '"/tmp/a b"'],
  ['/tmp/50%', '/tmp/50%%'],
  ['/tmp/"x"', '"/tmp/\\"x\\""'],
  ['/tmp/$x', '"/tmp/$x"'],
])('the path %s is written as %s', (path, text) => {
  expect(quotePath(path)).toBe(text);
});
