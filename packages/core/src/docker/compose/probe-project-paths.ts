// What the SSH user sees of the paths of a compose project on the VM, asked in one command before anything is started.

import type { CallOptions, CommandResult, Shell } from '../../adapter-ports.ts';
import { AppError, isAppError } from '../../app-error.ts';
import { vmId } from '../../model/vm.ts';

export type SeenPath =
  /** `resolved` has every link followed; `undefined` where the VM has no tool for that. */
  | { readonly kind: 'folder' | 'file'; readonly resolved: string | undefined }
  | { readonly kind: 'gone' }
  /** A pipe, a device, a socket: reading it might never end. */
  | { readonly kind: 'special' }
  /** The SSH user may not enter the folder, or not read the file, at `at`. */
  | { readonly kind: 'closed' | 'unreadable'; readonly at: string };

export interface ProbeAnswer {
  /** The SSH user's name, for commands that a person may paste. */
  readonly user: string;
  seen(path: string): SeenPath;
}

/** Throws `SERVICE_UNAVAILABLE` in words of its own: a failed question says nothing about the paths, and nothing was started. */
export async function probePaths(
  shell: Shell,
  paths: readonly string[],
  { marker, ...options }: { readonly marker: string } & CallOptions,
): Promise<ProbeAnswer> {
  const asked = [...new Set(paths)];
  const { output } = await runBeforeStart(
    shell,
    ['sh', '-c', probeScript, 'ondemand', marker, ...asked],
    options,
  );
  const lines = output.split('\n').filter((line) => line.startsWith(`${marker} `));
  const [user, ...seen] = lines.map((line) => {
    const [, word = '', ...rest] = line.split(' ');
    return { word, value: rest.join(' ') };
  });
  if (user?.word !== 'user' || seen.length !== asked.length) throw noAnswer();
  const found = new Map(
    seen.map(({ word, value }, index) => [asked[index] ?? '', toSeenPath(word, value)]),
  );
  return {
    user: /^[\w.-]+$/.test(user.value) ? user.value : 'the SSH user',
    seen: (path) => found.get(path) ?? { kind: 'gone' },
  };
}

/** Runs a command that changes nothing: a lost answer is no unknown outcome. */
export async function runBeforeStart(
  shell: Shell,
  argv: readonly string[],
  options: CallOptions & { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<CommandResult> {
  try {
    return await shell.run(argv, { timeoutMs: 20_000, ...options });
  } catch (error) {
    const unknown =
      isAppError(error, 'SERVICE_UNAVAILABLE') && unknownWords[String(error.details.reason)];
    if (!unknown) throw error;
    throw new AppError('SERVICE_UNAVAILABLE', `Nothing was started: ${unknown}`, {
      text: 'Nothing was started',
      details: { reason: error.details.reason },
      cause: error,
    });
  }
}

const unknownWords: Readonly<Record<string, string>> = {
  COMMAND_TIMEOUT: `a command that only looks at the compose project did not end within 20 s on ${vmId}. The VM may be overloaded, a file system there may hang, or a forced command (command= in authorized_keys, ForceCommand in sshd_config) may run in its place`,
  CONNECTION_LOST:
    'the SSH connection to the VM was lost while the compose project was looked at. Try again',
  PEER_SILENT: 'the VM stopped answering while the compose project was looked at. Try again',
  OUTCOME_UNKNOWN: `${vmId} did not say how a command ended that only looks at the compose project. Check the login shell of the SSH user`,
};

function noAnswer(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `Nothing was started: ${vmId} did not run what it was asked to. Check whether the SSH user has a forced command (command= in authorized_keys, ForceCommand in sshd_config) or a login shell that runs no commands; it needs a POSIX sh`,
    { text: 'Command failed on the VM', details: { reason: 'COMMAND_REFUSED' } },
  );
}

/** A link may lead to a name that no message and no comparison could carry. */
function toSeenPath(word: string, value: string): SeenPath {
  switch (word) {
    case 'folder':
    case 'file':
      return {
        kind: word,
        resolved: value.startsWith('/') && !/\p{Cc}/u.test(value) ? value : undefined,
      };
    case 'closed':
    case 'unreadable':
      return { kind: word, at: value };
    case 'special':
      return { kind: word };
    default:
      return { kind: 'gone' };
  }
}

/** Arguments: marker and paths. Prints a line for the user, then one for each path. Not every `readlink` has `-e`. */
export const probeScript = `mark=$1
shift
say() { printf '%s %s %s\\n' "$mark" "$1" "$2"; }
resolve() { readlink -f -- "$1" 2>/dev/null || realpath -- "$1" 2>/dev/null; }
see() {
  if [ -d "$1" ]; then
    if [ -x "$1" ]; then say folder "$(resolve "$1")"; else say closed "$1"; fi
    return
  fi
  if [ -e "$1" ]; then
    if [ ! -f "$1" ]; then say special
    elif [ -r "$1" ]; then say file "$(resolve "$1")"; else say unreadable "$1"; fi
    return
  fi
  # It is not there, or behind a folder that may not be entered: the way back to what can be seen tells which.
  path=$1 steps=0
  while [ $steps -lt 99 ]; do
    steps=$((steps + 1)) folder=\${path%/*}
    folder=\${folder:-/}
    if [ -L "$path" ]; then
      path=$(readlink -- "$path")
      case $path in /*) ;; *) path=$folder/$path ;; esac
      continue
    fi
    if [ -d "$folder" ]; then
      if [ -x "$folder" ]; then say gone; else say closed "$folder"; fi
      return
    fi
    [ "$folder" != / ] || break
    path=$folder
  done
  say gone
}
say user "$(id -un 2>/dev/null)"
for path do see "$path"; done
`;
