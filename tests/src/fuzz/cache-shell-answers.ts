// A shell that answers what it was just asked from memory, as long as nothing was run that may change something: a process a command is most of what a case costs.

import type { Shell } from '@ondemand/sandbox';
import { type CommandKind, parseCommand } from './vm-commands.ts';

const reads: ReadonlySet<CommandKind | undefined> = new Set<CommandKind>([
  'log in',
  'register',
  'unregister',
  'observe',
  'list jobs',
  'list leases',
  'facts',
  'compose version',
  'probe paths',
  'compose config',
]);

/** The clock of the VM goes on, and a busy machine is slow. */
const longestMs = 10_000;
/** Nobody's, for whoever would end a command that has ended. */
const noProcess = 2 ** 31 - 1;
const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

type Channel = Parameters<Shell['run']>[0];

interface Answer {
  readonly atMs: number;
  readonly output: string;
  readonly exitCode: number;
}

export function recallReads(shell: Shell): Shell {
  let answers = new Map<string, Answer>();
  const forgetAll = () => {
    answers = new Map();
  };
  return {
    ...shell,
    run(channel, options) {
      const { command = '', env } = options;
      const { kind } = parseCommand(command);
      if (!reads.has(kind)) {
        forgetAll();
        channel.once('close', forgetAll);
        return shell.run(channel, options);
      }
      const marks = [...new Set(command.match(uuid))];
      const forget = (text: string) =>
        marks.reduce((rest, mark, index) => rest.replaceAll(mark, `<${index}>`), text);
      const recall = (text: string) =>
        text.replaceAll(/<(\d+)>/g, (found, index) => marks[Number(index)] ?? found);
      // The connection itself is told by the observation alone.
      const key = `${kind === 'observe' ? env.SSH_CONNECTION : ''}\n${forget(command)}`;
      const known = answers.get(key);
      if (known !== undefined && performance.now() - known.atMs < longestMs) {
        channel.resume();
        channel.write(Buffer.from(recall(known.output), 'latin1'));
        channel.exit(known.exitCode);
        channel.end();
        return { signal() {} };
      }
      const current = answers; // what was asked before a change is no answer after it
      keep(channel, (output, exitCode) =>
        current.set(key, {
          atMs: performance.now(),
          output: forget(output).replace(/^(<0>)\d+/, `$1${noProcess}`),
          exitCode,
        }),
      );
      return shell.run(channel, options);
    },
  };
}

/** Calls back once the command has ended by itself, with its output as Latin-1. */
function keep(channel: Channel, onEnd: (output: string, exitCode: number) => void): void {
  const pieces: Buffer[] = [];
  const { write, exit } = channel;
  const overrides = {
    write(...args: [Buffer]) {
      pieces.push(Buffer.from(args[0]));
      return Reflect.apply(write, channel, args);
    },
    exit(...args: [number]) {
      channel.once('finish', () => {
        const [exitCode] = args;
        if (typeof exitCode === 'number') onEnd(Buffer.concat(pieces).toString('latin1'), exitCode);
      });
      Reflect.apply(exit, channel, args);
    },
  };
  Object.assign(channel, overrides);
}
