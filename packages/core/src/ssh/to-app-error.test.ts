// What the system and ssh2 say, row by row, and what becomes of it.

import { describe, expect, it } from 'vitest';
import { type DialPhase, type SshReason, toAppError, toReason } from './to-app-error.ts';

const error = (properties: object, message = 'raw text of /some/path') =>
  Object.assign(new Error(message), properties);

interface Row {
  readonly phase: DialPhase;
  readonly error?: unknown;
  readonly timedOut?: boolean;
  readonly heard?: string;
  readonly banner?: string;
  readonly reason: SshReason;
}

const greeted = 'SSH-2.0-OpenSSH_9.2\r\n';
const rows: readonly Row[] = [
  { phase: 'connect', error: error({ code: 'ENOTFOUND' }), reason: 'DNS_FAILED' },
  { phase: 'connect', error: error({ code: 'EAI_AGAIN' }), reason: 'DNS_FAILED' },
  { phase: 'connect', error: error({ code: 'ECONNREFUSED' }), reason: 'CONNECTION_REFUSED' },
  {
    phase: 'connect',
    error: Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }),
    reason: 'CONNECTION_REFUSED',
  },
  { phase: 'connect', error: error({ code: 'EHOSTUNREACH' }), reason: 'NETWORK_UNREACHABLE' },
  { phase: 'connect', error: error({ code: 'ENETUNREACH' }), reason: 'NETWORK_UNREACHABLE' },
  { phase: 'connect', error: error({ code: 'ETIMEDOUT' }), reason: 'CONNECT_TIMEOUT' },
  { phase: 'connect', timedOut: true, reason: 'CONNECT_TIMEOUT' },
  { phase: 'greeting', timedOut: true, reason: 'HANDSHAKE_TIMEOUT' },
  { phase: 'handshake', timedOut: true, heard: greeted, reason: 'HANDSHAKE_TIMEOUT' },
  { phase: 'auth', timedOut: true, heard: greeted, reason: 'AUTH_TIMEOUT' },
  { phase: 'greeting', error: error({ code: 'ECONNRESET' }), reason: 'CONNECTION_RESET' },
  { phase: 'greeting', error: error({ level: 'protocol' }), reason: 'HANDSHAKE_DROPPED' },
  {
    phase: 'greeting',
    error: error({ code: 'ECONNRESET' }),
    heard: 'Exceeded MaxStartups\r\n',
    reason: 'TOO_MANY_CONNECTIONS',
  },
  { phase: 'greeting', heard: 'Not allowed at this time\r\n', reason: 'NOT_ALLOWED_NOW' },
  { phase: 'greeting', heard: 'HTTP/1.1 400\r\n', reason: 'HANDSHAKE_FAILED' },
  {
    phase: 'handshake',
    error: error({ level: 'handshake' }),
    heard: greeted,
    reason: 'HANDSHAKE_FAILED',
  },
  {
    phase: 'handshake',
    error: error({ code: 'EPIPE' }),
    heard: greeted,
    reason: 'CONNECTION_RESET',
  },
  { phase: 'auth', error: error({ level: 'client-authentication' }), reason: 'AUTH_REJECTED' },
  {
    phase: 'auth',
    error: error({ code: 2 }, 'Too many authentication failures'),
    reason: 'AUTH_TOO_MANY_FAILURES',
  },
  {
    phase: 'handshake',
    error: error({ level: 'handshake' }, 'Handshake failed: no matching key exchange algorithm'),
    heard: greeted,
    reason: 'NO_COMMON_ALGORITHM',
  },
  { phase: 'auth', error: error({ code: 'ECONNRESET' }), reason: 'CONNECTION_RESET' },
  { phase: 'auth', error: error({ level: 'agent' }), reason: 'AGENT_UNAVAILABLE' },
  {
    phase: 'auth',
    error: error({ level: 'client-authentication' }),
    banner: 'System is booting up. See pam_nologin(8)',
    reason: 'STARTING_UP',
  },
  { phase: 'auth', error: 'not even an error', reason: 'CONNECTION_RESET' },
  { phase: 'handshake', error: undefined, heard: greeted, reason: 'HANDSHAKE_FAILED' },
];

describe('toReason()', () => {
  it.each(rows)('$phase → $reason', ({ reason, ...row }) => {
    expect(toReason({ error: undefined, timedOut: false, heard: '', banner: '', ...row })).toBe(
      reason,
    );
  });
});

describe('toAppError()', () => {
  it('keeps the cause for the log and shows nothing of it', () => {
    const cause = error({ code: 'ECONNREFUSED' });
    const shown = toAppError('CONNECTION_REFUSED', { cause, details: { port: 22 } });
    expect(shown.cause).toBe(cause);
    expect(shown.code).toBe('SERVICE_UNAVAILABLE');
    expect(shown.details).toEqual({ reason: 'CONNECTION_REFUSED', port: 22 });
    expect(shown.message).not.toContain('raw text');
    expect(shown.message).toMatch(/^VM not reachable via SSH: .*\.$/);
  });
});
