// `ondemand logs`: the end of a container's log, byte for byte as the container wrote it, and what follows.

import type { LogLine, SubscribeOptions } from '@ondemand/client';
import { usageError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { defineCommand, type Values } from '../command-line/command.ts';
import { flag, parseCount } from '../command-line/options.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toPrintable } from '../output/printable.ts';
import type { Style } from '../output/style.ts';
import { widthOf } from '../output/width.ts';
import { toZoned } from '../output/zoned-time.ts';
import { follow, pourAll, showWaits, toExit } from '../watch/follow.ts';
import { attempt, toOneExit } from '../watch/go-on-after-failure.ts';

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
  timestamps: flag('Begin each line with its time in UTC, as docker logs does', 't'),
} as const;

export const logs = defineCommand({
  description: `Print the end of a container's log, unaltered: stdout and stderr in order, both on stdout.
With -f it goes on over restarts of the container and losses of the connection, every line once.
Of several containers each line comes behind its name; one that fails does not end the others.
With -f, --since or -t, --json prints one document a line: { "line", "stream", "time" }, of several
containers with "container"; without these each container is a document on a line of its own.`,
  operands: { arity: 'some', label: 'NAME…', from: 'containers' },
  options,
  examples: [
    'ondemand logs nginx',
    'ondemand logs nginx -n 1000 | grep " 500 "',
    'ondemand logs nginx -f -n 0',
    'ondemand logs nginx --since 10m -t',
    'ondemand logs nginx app db -f',
  ],
  async run(context, { options, operands }) {
    const { tail, follow, since, timestamps } = options;
    const names = [...new Set(operands)];
    const wanted = options.lines ?? tail;
    if (follow || since !== undefined || timestamps || wanted === 'all') {
      return stream(context, names, { ...options, lines: wanted });
    }
    const lines = wanted ?? defaultLines;
    if (lines < 1 || lines > mostLinesAtOnce) {
      throw usageError(
        `-n needs a whole number from 1 to ${mostLinesAtOnce}, or all, not '${lines}'; with -f, --since or -t it may be any`,
      );
    }
    const { connect, output, signal } = context;
    const client = await connect();
    using _spinner = output.spin(`Reading the log of ${names.join(', ')}`);
    const read = (name: string) => client.containers.logs.query({ name, lines }, { signal });
    const [name = ''] = names;
    if (names.length === 1) {
      const log = await read(name);
      output.show(log, () => log.logs);
      return exitCodes.done;
    }
    const prefixes = toPrefixes(names, output.style);
    const exits: ExitCode[] = [];
    for (const one of names) {
      const print = async () =>
        output.showOne(await read(one), ({ logs: text }) => behind(prefixes.get(one), text));
      exits.push(await attempt(context, `logs ${one}`, print));
    }
    return toOneExit(exits);
  },
});

async function stream(
  context: Context,
  names: readonly string[],
  { lines, follow: goesOn, since, timestamps }: Values<typeof options>,
): Promise<ExitCode> {
  if (since === '') throw usageError("--since needs a time such as 10m, not ''");
  const client = await context.connect();
  const toInput = (name: string) => ({
    name,
    ...(lines !== undefined && { tail: lines }),
    ...(since !== undefined && { since }),
    ...(timestamps && { timestamps }),
    ...(!goesOn && { follow: false }),
  });
  const doing = `Reading the log of ${names.join(', ')}`;
  const subscribe = (name: string, how: SubscribeOptions) =>
    client.containers.followLogs.subscribe(toInput(name), how);
  const [first = ''] = names;
  if (names.length === 1) {
    return follow(context, { doing, subscribe: (how) => subscribe(first, how), toText: toLine });
  }
  const prefixes = toPrefixes(names, context.output.style);
  using wait = showWaits(context.output, doing);
  const exits = names.map((name) =>
    attempt(context, `logs ${name}`, () =>
      pourAll(context, {
        subscribe: (how) => withName(name, subscribe(name, { ...how, ...wait.hooks })),
        toText: (line) => behind(prefixes.get(name), toLine(line)),
      }),
    ),
  );
  const exit = toOneExit(await Promise.all(exits));
  return context.signal.aborted ? toExit(context.output, context.signal) : exit;
}

/** For programs, which have no line in front of theirs to tell them apart by. */
async function* withName(container: string, items: AsyncIterable<LogLine>) {
  for await (const line of items) yield { container, ...line };
}

/** Every line behind its container's name, in its colour. */
function behind(prefix = '', text: string): string {
  if (text === '') return '';
  const lines = text.replace(/\n$/, '').split('\n');
  return lines.map((line) => `${prefix}${line}\n`).join('');
}

function toPrefixes(names: readonly string[], style: Style): ReadonlyMap<string, string> {
  const width = Math.max(...names.map(widthOf));
  return new Map(
    names.map((name, index) => {
      const padded = `${toPrintable(name)}${' '.repeat(width - widthOf(name))} | `;
      return [name, style(colours[index % colours.length] ?? 'cyan', padded)];
    }),
  );
}

const colours = ['cyan', 'yellow', 'green', 'magenta', 'blue'] as const;

function toLine({ time, line }: LogLine): string {
  return time === undefined ? `${line}\n` : `${time} ${line}\n`;
}
