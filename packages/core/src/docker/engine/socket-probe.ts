// Why Docker's socket on the VM is refused: sshd answers the same to every cause, a command can tell them apart.

import type { CallOptions } from '../../adapter-ports.ts';
import { withDeadline } from '../../concurrency/deadline.ts';
import type { Channels } from '../../ssh/channel/channels.ts';

export type SocketFinding =
  | { readonly cause: 'missing' | 'not-a-socket' | 'not-listening' }
  /** Something listens, and the user may connect: then sshd is what refuses. */
  | { readonly cause: 'usable' }
  | {
      readonly cause: 'denied';
      readonly user?: string;
      /** That of the socket, unless it is root's. */
      readonly group?: string;
      /** Whether the socket's mode lets its group write, and whether the user is in that group: then being in it does not help. */
      readonly groupIs?: 'open' | 'closed' | 'joined';
    };

/** Asks the VM; `undefined` when it does not say, whatever the reason. Throws only when the caller leaves. */
export async function probeSocket(
  channels: Pick<Channels, 'openCommand'>,
  socketPath: string,
  { signal, timeoutMs }: CallOptions & { readonly timeoutMs: number },
): Promise<SocketFinding | undefined> {
  try {
    const answer = await withDeadline(
      async (inner) => {
        const argv = ['sh', '-c', probeScript, 'ondemand', socketPath];
        const stream = await channels.openCommand(argv, { signal: inner });
        inner.addEventListener('abort', () => stream.destroy(), { once: true });
        stream.end();
        return Buffer.concat(await stream.toArray()).toString('utf8');
      },
      { timeoutMs, signal, onTimeout: () => new Error('No answer in time') },
    );
    return toFinding(answer);
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

/** Pure: what the script printed, as a finding. */
function toFinding(answer: string): SocketFinding | undefined {
  const [word, user = '', access, ...group] = answer.trim().split(' ');
  const cause = causes.find((each) => each === word);
  if (cause !== 'denied') return cause === undefined ? undefined : { cause };
  const name = group.join(' ');
  const groupIs = groupStates.find((each) => each === access);
  return {
    cause,
    ...(isName(user) && { user }),
    ...(isName(name) && name !== 'root' && groupIs && { group: name, groupIs }),
  };
}

const groupStates = ['open', 'closed', 'joined'] as const;

const causes = ['missing', 'not-a-socket', 'not-listening', 'usable', 'denied'] as const;

/** Names of the VM end up in a message. */
function isName(text: string): boolean {
  return /^[a-zA-Z_][a-zA-Z0-9_.-]{0,63}$/.test(text) && text !== 'UNKNOWN';
}

// A folder that may not be searched hides what is in it: that is a lack of permission, too. Whether something listens is
// known by connecting alone: with the Docker CLI, else with curl (exit code 7).
export const probeScript = `s=$1
if [ ! -e "$s" ]; then
  d=$s
  while d=\${d%/*}; [ -n "$d" ]; do
    [ -d "$d" ] || continue
    [ -x "$d" ] || { echo "denied $(id -un)"; exit; }
    break
  done
  echo missing
elif [ ! -S "$s" ]; then
  echo not-a-socket
elif [ ! -w "$s" ]; then
  g=$(stat -L -c %G "$s" 2>/dev/null)
  case $(stat -L -c %A "$s" 2>/dev/null) in
    ?????w*) access=open ;;
    *) access=closed ;;
  esac
  case " $(id -Gn) " in *" $g "*) [ $access = closed ] || access=joined ;; esac
  echo "denied $(id -un) $access $g"
elif command -v docker >/dev/null 2>&1; then
  if said=$(DOCKER_HOST=unix://$s docker version 2>&1 </dev/null); then echo usable; exit; fi
  case $said in
    *'annot connect'* | *'onnection refused'*) echo not-listening ;;
  esac
else
  curl -s -o /dev/null --max-time 2 --unix-socket "$s" http://docker/_ping 2>/dev/null
  case $? in 0) echo usable ;; 7) echo not-listening ;; esac
fi
`;
