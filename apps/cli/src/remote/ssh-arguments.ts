// The arguments of the user's own ssh: whom it trusts is ours to say, all else is theirs.

import { resolve } from 'node:path';
import type { VmAddress } from '@ondemand/client';
import { hostAlias, toHostKeyAlgorithms } from './known-hosts.ts';

export interface SshCall {
  readonly address: VmAddress;
  readonly knownHostsFile: string;
  /** Left out: what ssh itself takes. */
  readonly user: string | undefined;
  readonly identities: readonly string[];
  /** As of `-o`; cannot change whom ssh trusts. */
  readonly options: readonly string[];
  /** Further arguments, before the host. */
  readonly flags?: readonly string[];
  /** A line for the shell of the VM. */
  readonly command?: string | undefined;
}

/** ssh keeps the first value that it meets, so ours come before those of the user's configuration. */
export function toSshArguments(call: SshCall): string[] {
  const { address, knownHostsFile, user, identities, options, flags = [], command } = call;
  const { host, port } = address;
  const settings = [
    // An older ssh knows not all of these; nor may the user's own patterns of it count for less.
    'IgnoreUnknown=*',
    `UserKnownHostsFile=${quotePath(knownHostsFile)}`,
    ...trustSettings.map((pair) => pair.join('=')),
    `HostKeyAlgorithms=${toHostKeyAlgorithms(address)}`,
    // A connection that is open already was verified by somebody else.
    'ControlMaster=no',
    'ControlPath=none',
    ...options,
    ...Object.entries(keepAlive).map((pair) => pair.join('=')),
  ];
  return [
    ...settings.flatMap((setting) => ['-o', setting]),
    ...identities.flatMap((file) => ['-i', file]),
    ...(user === undefined ? [] : ['-l', user]),
    ...['-p', String(port)],
    ...flags,
    host,
    ...(command === undefined ? [] : ['--', command]),
  ];
}

/** No key but those in the file counts. */
export const trustSettings: readonly (readonly [string, string])[] = [
  ['GlobalKnownHostsFile', '/dev/null'],
  ['KnownHostsCommand', 'none'],
  ['StrictHostKeyChecking', 'yes'],
  ['HostKeyAlias', hostAlias],
  ['CheckHostIP', 'no'],
  ['UpdateHostKeys', 'no'],
  ['VerifyHostKeyDNS', 'no'],
];

/** A VM that was stopped says nothing any more. */
export const keepAlive = { ServerAliveInterval: '15' };

/** For a command of ours, which the user's settings for a shell would break. */
export const plainSession: readonly string[] = [
  'ClearAllForwardings=yes',
  'RemoteCommand=none',
  'SessionType=default',
  'StdinNull=no',
  'ForkAfterAuthentication=no',
  'PermitLocalCommand=no',
  'LogLevel=ERROR',
];

/** A path as ssh's configuration takes it: blanks part words, `%` begins a token. */
export function quotePath(path: string): string {
  const text = resolve(path).replaceAll('%', '%%');
  return /^[A-Za-z0-9_./%@+,:-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`;
}
