// Where the logins are kept: https://specifications.freedesktop.org/basedir-spec/latest/

import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export interface FolderEnvironment {
  readonly XDG_CONFIG_HOME?: string | undefined;
  readonly HOME?: string | undefined;
}

/** A relative `XDG_CONFIG_HOME` counts as none, as the specification wants. */
export function toConfigFolder({ XDG_CONFIG_HOME: xdg, HOME: home }: FolderEnvironment): string {
  const base = xdg && isAbsolute(xdg) ? xdg : join(home || homedir(), '.config');
  return join(base, 'ondemand');
}
