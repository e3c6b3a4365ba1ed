// What the VM has of what jobs and leases need, read over SSH by one command that changes nothing.

import { randomUUID } from 'node:crypto';
import type { CallOptions, HostFacts } from '../adapter-ports.ts';
import type { AppError } from '../app-error.ts';
import { createCapture } from '../ssh/command/exec.ts';
import type { SshConnection } from '../ssh/connection/connection.ts';
import { toAppError } from '../ssh/to-app-error.ts';
import { noFolder, toolsMissing } from './jobs-on-vm.ts';
import { places } from './scripts.ts';

/** Reads them; what the VM does not tell is left out. Throws `SERVICE_UNAVAILABLE`. */
export type ReadHostFacts = (options?: CallOptions) => Promise<HostFacts>;

export function createHostFacts({
  connection,
}: {
  readonly connection: Pick<SshConnection, 'exec'>;
}): ReadHostFacts {
  const capture = createCapture(connection);
  return async ({ signal } = {}) => {
    const marker = randomUUID();
    const argv = ['sh', '-c', factsScript, 'ondemand', marker];
    const { output } = await capture(argv, { timeoutMs, maxBytes, signal, isRead: true });
    return parseHostFacts(output.toString('utf8'), marker);
  };
}

/** Pure: what the script printed. Throws `SERVICE_UNAVAILABLE` for half an answer. */
export function parseHostFacts(output: string, marker: string): HostFacts {
  const lines = output.split('\n').filter((line) => line.startsWith(`${marker} `));
  const words = new Map(
    lines.map((line) => {
      const [, name = '', value = ''] = line.split(' ');
      return [name, value] as const;
    }),
  );
  const now = toNumber(words.get('now'));
  if (now === undefined || !words.has('end')) throw unreadable();
  return {
    now,
    tools: words.has('flock') && words.has('setsid') ? undefined : toolsMissing(),
    jobFolder: words.has('folder') ? undefined : noFolder(),
    disks: (['home', 'docker'] as const).flatMap((of) => {
      const kilobytes = toNumber(words.get(of));
      return kilobytes === undefined ? [] : [{ of, freeBytes: kilobytes * 1024 }];
    }),
    isProcHidden: words.has('hidden'),
  };
}

function toNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function unreadable(): AppError {
  return toAppError('COMMAND_FAILED', {
    message:
      'What oci-flex has cannot be read: the answer of its shell is not whole; check that the SSH user there has a POSIX shell, and that the VM has memory left',
  });
}

const timeoutMs = 20_000;
const maxBytes = 64 * 1024;

/** Arguments: marker. `df -P` prints the free kilobytes in the fourth column of its last line. */
export const factsScript = `${places}mark=$1
say() { printf '%s %s\\n' "$mark" "$*"; }
say now "$(date +%s)"
for tool in flock setsid; do command -v $tool >/dev/null && say $tool; done
# The nearest place that is there: what is missing is made when it is needed.
at=$folder/jobs
until [ -e "$at" ] || [ -L "$at" ] || [ "$at" = / ]; do at=\${at%/*}; at=\${at:-/}; done
may_write() { [ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]; }
case $at in
  "$folder/jobs") is_ours "$folder" && is_ours "$at" && may_write "$at" && say folder ;;
  "$folder") is_ours "$at" && may_write "$at" && say folder ;;
  *) may_write "$at" && say folder ;;
esac
free() {
  set -- $(df -Pk "$1" | tail -n 1)
  printf %s "$4"
}
say home "$(free "$at")"
[ ! -d /var/lib/docker ] || say docker "$(free /var/lib/docker)"
[ -d "\${HOST_PROC:-/proc}/1" ] || say hidden
say end
`;
