// Contexts for people and for programs; neither ever gets a token.

import type { StoredContext } from '../login/contexts.ts';
import { isLoggedOut, toMsLeft, toRenewal } from '../login/login-file-format.ts';
import type { Style } from '../output/style.ts';
import { type Column, toTable } from '../output/table.ts';
import { formatTimeLeft } from '../output/time-left.ts';

/** As `--json` prints it. */
export function toContextFacts({ name, url, isCurrent, login }: StoredContext) {
  const isIn = !isLoggedOut(login);
  const { issuer, clientId, sshUser = null, expiresAt = null, secretFile } = login;
  return {
    name,
    url,
    current: isCurrent,
    loggedIn: isIn,
    issuer,
    clientId,
    /** What the token is renewed with: `refresh` (a refresh token), `secret` (of `secretFile`), `none`. */
    renewal: isIn ? toRenewal(login) : 'none',
    secretFile: secretFile === undefined || secretFile === '-' ? null : secretFile,
    expiresAt: isIn ? expiresAt : null,
    sshUser,
  };
}

export interface ContextView {
  readonly style: Style;
  readonly now: Date;
  readonly width: number | undefined;
}

export function toContextTable(
  contexts: readonly StoredContext[],
  { style, now, width }: ContextView,
): string {
  const hasSshUsers = contexts.some(({ login }) => login.sshUser !== undefined);
  const columns: readonly Column<StoredContext>[] = [
    {
      title: 'NAME',
      isWhole: true,
      cell: ({ name, isCurrent }) => `${name}${isCurrent ? ' *' : ''}`,
      textStyle: ({ isCurrent }) => (isCurrent ? 'green' : undefined),
    },
    { title: 'URL', isWhole: true, cell: ({ url }) => url },
    { title: 'TOKEN ENDS', cell: (context) => toEnd(context, now) },
    { title: 'RENEWED BY', cell: toRenewer },
    ...(hasSshUsers
      ? [{ title: 'SSH USER', cell: ({ login }: StoredContext) => login.sshUser ?? '' }]
      : []),
  ];
  return toTable(columns, contexts, style, width);
}

function toEnd({ login }: StoredContext, now: Date): string {
  if (isLoggedOut(login)) return 'logged out';
  const msLeft = toMsLeft(login, now.getTime());
  return Number.isFinite(msLeft) ? formatTimeLeft(msLeft) : 'not known';
}

function toRenewer({ login }: StoredContext): string {
  const { issuer, secretFile } = login;
  if (isLoggedOut(login)) return 'ondemand login';
  const ways = {
    refresh: `refresh token of ${issuer}`,
    secret: `secret in ${secretFile}`,
    none: 'ondemand login',
  };
  return ways[toRenewal(login)];
}
