// Why a command never began though sshd accepted it: what ran instead, as far as its output tells.

import type { AppError } from '../../app-error.ts';
import { ChannelRefusedError } from '../channel/channels.ts';
import { toAppError } from '../to-app-error.ts';

export interface ShellFailure {
  /** Of the SSH login. */
  readonly user: string;
  readonly exitCode: number;
  /** What it printed, on stdout and stderr. */
  readonly said: string;
}

/** `SERVICE_UNAVAILABLE`, `details.reason` `SHELL_UNUSABLE`; nothing of what was printed is in it. Its `cause` is a `ChannelRefusedError`. */
export function toShellError({ user, exitCode, said }: ShellFailure): AppError {
  const shown = said.trim();
  const { what, remedy } = culprits.find(({ matches }) => matches(shown, exitCode)) ?? {
    what: `something else ran in its place (exit code ${exitCode}): a forced command, the login shell, or a start-up file that ends or replaces the shell`,
    remedy: everyRemedy,
  };
  return toAppError('SHELL_UNUSABLE', {
    message: `The login of '${user}' on the VM runs no command of ours: ${what}. Nothing was started. ${remedy(user)}`,
    details: { exitCode, user },
    cause: new ChannelRefusedError(shown, { exitCode }),
  });
}

/** For a command that has not begun within its time. */
export function toShellTimeoutError(user: string, timeoutMs: number): AppError {
  return toAppError('SHELL_TIMEOUT', {
    message: `The login of '${user}' on the VM did not begin a command of ours within ${timeoutMs / 1000} s, and it was given up: a forced command may wait there, a start-up file of the shell may hang, or the VM is overloaded. ${everyRemedy(user)}`,
    details: { user },
    cause: new ChannelRefusedError('The command did not begin in time'),
  });
}

interface Culprit {
  readonly matches: (said: string, exitCode: number) => boolean;
  readonly what: string;
  readonly remedy: (user: string) => string;
}

const shellRemedy = (user: string) =>
  `Give it a usual shell: sudo usermod -s /bin/bash ${user}; or set SSH_USER to a user who has one.`;
const forcedRemedy = () =>
  `Take command="…" away from our key's line in authorized_keys, and ForceCommand from sshd_config where it matches this user.`;
const everyRemedy = (user: string) =>
  `Look at its shell (getent passwd ${user}) and its start-up files, for command="…" at our key's line in authorized_keys, and for ForceCommand in sshd_config.`;

const culprits: readonly Culprit[] = [
  {
    matches: (said) => /password.{0,60}(expired|change)/i.test(said),
    what: 'its password has expired, and sshd wants a new one first',
    remedy: (user) =>
      `Set one (sudo passwd ${user}), or let it never expire: sudo chage -d -1 -M -1 ${user}.`,
  },
  {
    matches: (said) => /account is (currently )?not available|nologin/i.test(said),
    what: 'its login shell is nologin, which lets nobody in',
    remedy: shellRemedy,
  },
  {
    matches: (said) => /sftp/i.test(said),
    what: 'it allows SFTP alone (internal-sftp as forced command, or a shell for SFTP)',
    remedy: (user) => `${forcedRemedy()} ${shellRemedy(user)}`,
  },
  {
    matches: (said) => /git-shell|fatal: unrecognized command/i.test(said),
    what: 'its login shell is git-shell, which runs git alone',
    remedy: shellRemedy,
  },
  {
    matches: (said) => /: restricted\b|account is restricted|\*\*\* forbidden/i.test(said),
    what: 'its login shell is a restricted one (such as rbash), which refuses it',
    remedy: shellRemedy,
  },
  {
    matches: (said, exitCode) => exitCode === 127 || /\bsh: (command )?not found/i.test(said),
    what: "its login shell finds no 'sh' in its PATH",
    remedy: () => 'Let the PATH of its start-up files hold /bin and /usr/bin.',
  },
  {
    matches: (said, exitCode) => said === '' && exitCode !== 0,
    what: 'its login shell ended at once without a word, as /bin/false does, or a forced command did',
    remedy: (user) => `${shellRemedy(user)} ${forcedRemedy()}`,
  },
];
