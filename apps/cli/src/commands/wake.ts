// `ondemand wake`: starts the VM if need be, waits until it is ready, and keeps it on.

import { usageError } from '../cli-error.ts';
import { defineCommand } from '../command-line/command.ts';
import { parseDuration, timeoutOption } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatDuration } from '../output/duration.ts';
import { formatTime } from '../output/past-time.ts';
import { wakeUp } from '../wait/wait-until-awake.ts';

export const wake = defineCommand({
  description: `Start the VM if need be and wait until SSH and Docker answer; the stages come on stderr.
A VM that is on its way down is waited for first.
When OCI is out of hosts it is tried again until the time is up.`,
  options: {
    for: {
      kind: 'value',
      placeholder: 'DURATION',
      summary: 'Keep it on for so long from then, such as 2h: at most 24h',
      fallback: undefined as number | undefined,
      parse: parseDuration,
    },
    reason: {
      kind: 'value',
      placeholder: 'TEXT',
      summary: 'What it is kept on for, which others are shown',
      fallback: undefined as string | undefined,
      parse: (text: string): string => text,
    },
    timeout: timeoutOption('How long to wait at most'),
  },
  examples: [
    'ondemand wake',
    'ondemand wake --for 2h --reason film',
    'ondemand wake && ondemand ps',
  ],
  async run(context, { options: { for: keepMs, reason, timeout } }) {
    if (reason !== undefined && keepMs === undefined) throw usageError('--reason goes with --for');
    const { output, signal } = context;
    const client = await context.connect();
    const startedAt = performance.now();
    const ready = await wakeUp(context, { client, timeoutMs: timeout, reason });
    const minutes = keepMs === undefined ? undefined : Math.ceil(keepMs / 60_000);
    const kept =
      minutes === undefined ? ready : await client.vm.wake.mutate({ minutes, reason }, { signal });
    output.show(kept, ({ lease }) => {
      const until =
        lease === undefined ? '' : `, kept on until ${formatTime(new Date(lease.expiresAt))}`;
      return `oci-flex is ready after ${formatDuration(performance.now() - startedAt)}${until}\n`;
    });
    return exitCodes.done;
  },
});
