// `ondemand logs`: the end of a container's log, byte for byte as the container wrote it, and what follows.

import type { LogLine } from '@ondemand/client';
import { usageError } from '../cli-error.ts';
import { defineCommand, type Values } from '../command-line/command.ts';
import { flag, parseCount } from '../command-line/options.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toZoned } from '../output/zoned-time.ts';
import { follow } from '../watch/follow.ts';

type Lines = number | 'all';

const defaultLines = 100;
/** What one answer of the API holds at most; a stream has no end. */
const mostLinesAtOnce = 10_000;

const lineCount = {
  kind: 'value',
  placeholder: 'NUMBER',
  fallback: undefined as Lines | undefined,
  parse: (text: string): Lines | undefined =>
    text === 'all' ? text : parseCount(text, { min: 0, max: 999_999_999 }),
} as const;

const options = {
  lines: {
    ...lineCount,
    short: 'n',
    summary: 'How many of the last lines, or all (default: 100, with --since all)',
  },
  tail: { ...lineCount, summary: 'The same, as docker logs has it' },
  follow: flag('Go on with what is written from now on, until Ctrl-C', 'f'),
  since: {
    kind: 'value',
    placeholder: 'TIME',
    summary: 'Lines from then on: 10m, 2026-02-08T10:15 (local time), …Z',
    fallback: undefined as string | undefined,
    parse: (text: string): string | undefined => toZoned(text),
  },
  timestamps: flag('Begin each line with its time', 't'),
} as const;

export const logs = defineCommand({
  description: `Print the end of a container's log, unaltered: stdout and stderr in order, both on stdout.
With -f it goes on over restarts of the container and losses of the connection, every line once.
With -f, --since or -t, --json prints one document a line: { "line", "stream", "time" }.`,
  operands: { arity: 'one', label: 'NAME', from: 'containers' },
  options,
  examples: [
    'ondemand logs nginx',
    'ondemand logs nginx -n 1000 | grep " 500 "',
    'ondemand logs nginx -f -n 0',
    'ondemand logs nginx --since 10m -t',
  ],
  async run(context, { options, operands: [name] }) {
    const { tail, follow, since, timestamps } = options;
    const wanted = options.lines ?? tail;
    if (follow || since !== undefined || timestamps || wanted === 'all') {
      return stream(context, name, { ...options, lines: wanted });
    }
    const lines = wanted ?? defaultLines;
    if (lines < 1 || lines > mostLinesAtOnce) {
      throw usageError(
        `-n needs a whole number from 1 to ${mostLinesAtOnce}, or all, not '${lines}'; with -f, --since or -t it may be any`,
      );
    }
    const { connect, output, signal } = context;
    const client = await connect();
    using _spinner = output.spin(`Reading the log of ${name}`);
    const log = await client.containers.logs.query({ name, lines }, { signal });
    output.show(log, () => log.logs);
    return exitCodes.done;
  },
});

async function stream(
  context: Context,
  name: string,
  { lines, follow: goesOn, since, timestamps }: Values<typeof options>,
): Promise<ExitCode> {
  if (since === '') throw usageError("--since needs a time such as 10m, not ''");
  const client = await context.connect();
  const input = {
    name,
    ...(lines !== undefined && { tail: lines }),
    ...(since !== undefined && { since }),
    ...(timestamps && { timestamps }),
    ...(!goesOn && { follow: false }),
  };
  return follow(context, {
    doing: `Reading the log of ${name}`,
    subscribe: (how) => client.containers.followLogs.subscribe(input, how),
    toText: toLine,
  });
}

function toLine({ time, line }: LogLine): string {
  return time === undefined ? `${line}\n` : `${time} ${line}\n`;
}
