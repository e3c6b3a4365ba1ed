// Explains a login that sshd refused, as precisely as the protocol allows: user, host and key.

import type { AppError } from '../../app-error.ts';
import { type SshReason, toAppError } from '../to-app-error.ts';
import type { LoginKey } from './credentials.ts';

/** What sshd said while we logged in. */
export interface LoginAnswers {
  /** The key was good: sshd asked for a signature with it. */
  readonly signed: boolean;
  /** It counted, but was not enough. */
  readonly partial: boolean;
  /** The methods that may go on; `undefined` before any refusal. */
  readonly methodsLeft: readonly string[] | undefined;
  /** It closed the connection in good order, in place of an answer: PAM refused the account. */
  readonly hungUp: boolean;
  /** What it showed, meant for people. */
  readonly banner: string;
}

export interface LoginFacts {
  readonly user: string;
  readonly host: string;
  readonly port: number;
  readonly keys: readonly LoginKey[];
  readonly fromAgent: boolean;
  readonly answers: LoginAnswers;
}

/** The reasons for which sshd counts a failed login: not to be repeated soon. */
const refusals = [
  'AUTH_REJECTED',
  'AUTH_INCOMPLETE',
  'AUTH_ACCOUNT_REFUSED',
  'AUTH_NO_PUBLIC_KEYS',
  'AUTH_TOO_MANY_FAILURES',
] as const satisfies readonly SshReason[];
type Refusal = (typeof refusals)[number];

export function isLoginRefusal(reason: unknown): reason is Refusal {
  return refusals.some((each) => each === reason);
}

/** A plain refusal, or a connection that was closed, as the refusal that the answers make of it; other reasons as they are. */
export function toRefusal(
  reason: SshReason,
  { signed, partial, methodsLeft, hungUp }: LoginAnswers,
): SshReason {
  if (reason === 'CONNECTION_RESET' && signed && hungUp) return 'AUTH_ACCOUNT_REFUSED';
  if (reason !== 'AUTH_REJECTED') return reason;
  const takesKeys = !methodsLeft?.length || methodsLeft.includes('publickey');
  if (partial || (signed && !takesKeys)) return 'AUTH_INCOMPLETE';
  if (signed) return 'AUTH_ACCOUNT_REFUSED';
  return takesKeys ? 'AUTH_REJECTED' : 'AUTH_NO_PUBLIC_KEYS';
}

/** `SERVICE_UNAVAILABLE` with user, host, port and the keys' fingerprints, in words and in `details`. */
export function toLoginError(reason: SshReason, facts: LoginFacts, cause: unknown): AppError {
  const { user, host, port, keys } = facts;
  const what = toRefusal(reason, facts.answers);
  const message = isLoginRefusal(what) ? describe(what, facts) : undefined;
  const plain = toAppError(what);
  const endpoint = `${user}@${host}:${port}`;
  return toAppError(what, {
    message: message ?? `${plain.message.replace(/\.$/, '')} (${endpoint}, ${nameKeys(facts)}).`,
    details: { user, host, port, keys: keys.map(({ fingerprint }) => fingerprint) },
    cause,
  });
}

function describe(refusal: Refusal, facts: LoginFacts): string {
  const { user, host, port, keys, answers } = facts;
  const login = `the login of ${user}@${host}:${port} with ${nameKeys(facts)}`;
  const wait = 'The next attempt is made after 30 seconds.';
  const methods = nameMethods(answers.methodsLeft);
  const texts: Record<Refusal, string> = {
    AUTH_REJECTED: `sshd refused ${login}. It does not say why: check that SSH_USER exists there and may log in (AllowUsers; an account that is neither locked nor expired; for Dropbear, a login shell that is valid there), and that the key is in that user's authorized_keys, which nobody else may write.${toRsaHint(keys)} ${wait}`,
    AUTH_INCOMPLETE: `sshd accepted the key of ${login}, but wants a second factor (${methods}), which an API cannot give. Let the key alone do for this user: "Match User ${user}" with "AuthenticationMethods publickey" in sshd_config. ${wait}`,
    AUTH_ACCOUNT_REFUSED: `sshd accepted the key of ${login}, and refused the login all the same: ${toAccountProblem(answers)}. See sshd's log, and "sudo chage -l ${user}". ${wait}`,
    AUTH_NO_PUBLIC_KEYS: `sshd refused ${login}: for this user it takes no public key first, but ${methods}. Set "PubkeyAuthentication yes", and "AuthenticationMethods publickey" under "Match User ${user}", in sshd_config. ${wait}`,
    AUTH_TOO_MANY_FAILURES: `sshd broke off ${login}: too many keys were refused (MaxAuthTries, 6 by default). ${keys.length > 1 ? 'Set SSH_PRIVATE_KEY_FILE to the one that fits, or keep that one alone in the agent (ssh-add -D, then ssh-add FILE)' : "Check that the key is in that user's authorized_keys, or raise MaxAuthTries"}. ${wait}`,
  };
  return `VM not reachable via SSH: ${texts[refusal]}`;
}

function toAccountProblem({ banner, hungUp }: LoginAnswers): string {
  if (/account has expired/i.test(banner)) {
    return 'the account has expired, or its password did so too long ago';
  }
  const problem = 'the account has expired or is kept out by PAM (pam_access, for example)';
  return hungUp ? problem : `${problem}, or a second factor is wanted`;
}

const shownKeys = 3;

function nameKeys({ keys, fromAgent }: LoginFacts): string {
  const names = keys.map(({ fingerprint }) => fingerprint);
  if (!fromAgent) return `the key ${names.join()}`;
  const more = names.length > shownKeys ? ', …' : '';
  const shown = `${names.slice(0, shownKeys).join(', ')}${more}`;
  return names.length === 1
    ? `the agent's only key ${shown}`
    : `the agent's ${names.length} keys (${shown})`;
}

const methodNames: Readonly<Record<string, string>> = {
  password: 'a password',
  'keyboard-interactive': 'an answer to questions such as a one-time code (keyboard-interactive)',
  publickey: 'another key',
  hostbased: "the host's own key (hostbased)",
  'gssapi-with-mic': 'Kerberos (gssapi-with-mic)',
};

function nameMethods(methods: readonly string[] | undefined): string {
  const known = (methods ?? []).flatMap((method) => methodNames[method] ?? []);
  return known.length === 0 ? 'another method' : known.join(' or ');
}

/** A short key is refused as if it were unknown: `RequiredRSASize`, or a crypto policy. */
function toRsaHint(keys: readonly LoginKey[]): string {
  const short = keys.find(({ rsaBits }) => rsaBits !== undefined && rsaBits < 3072);
  return short === undefined
    ? ''
    : ` The key ${short.fingerprint} is RSA with ${short.rsaBits} bits, and a strict sshd (RequiredRSASize) refuses short ones as if they were unknown: try an ed25519 key.`;
}
