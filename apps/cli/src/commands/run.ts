// `ondemand run`: the VM stays on for as long as a command on this machine runs.

import { basename } from 'node:path';
import { CliError } from '../cli-error.ts';
import { defineCommand } from '../command-line/command.ts';
import { wakeOptions } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { toOwnBody } from '../json-error.ts';
import { commandExits, endOf, findCommand, start } from '../remote/child.ts';
import { holdLease } from '../remote/lease.ts';
import { warnOfLease } from '../remote/wake-and-prepare-ssh.ts';
import { wakeUp } from '../wait/wait-until-awake.ts';

export const run = defineCommand({
  description: `Run COMMAND on this machine, and keep the VM on until it has ended by a lease that is renewed.
Where this process is killed, the lease ends by itself within 5 minutes.
It ends with the exit code of COMMAND: 128 + n where signal n ended it, 126 and 127 where it
cannot be run or found. --json changes nothing of what COMMAND prints.`,
  operands: { arity: 'some', label: '[--] COMMAND…', from: 'files', commandAt: 0 },
  options: wakeOptions,
  examples: [
    'ondemand run --wake -- ./backup.sh',
    'ondemand run -- rsync -a oci-flex:/srv/photos ./',
    'ondemand run --wake -- sh -c "curl -f http://oci-flex:8080/ && sleep 600"',
  ],
  async run(context, { options: { wake, timeout }, operands: command }) {
    const { output, signal, env } = context;
    const [name] = command;
    const found = await findCommand(name, env);
    if (found !== 'found') return refuse(name, found);
    const client = await context.connect();
    if (wake) await wakeUp(context, { client, timeoutMs: timeout });
    await using _lease = await holdLease({
      ...{ client, signal, isRequired: true },
      reason: `ondemand run ${basename(name)}`,
      onFailure: (error) => void warnOfLease(output, error),
    });
    try {
      return await endOf(start(command, { stdio: 'inherit' }), context);
    } catch (error) {
      if (error instanceof CliError) throw error;
      // Found, and yet not to be run: the system alone can tell.
      const { code } = error as NodeJS.ErrnoException;
      return refuse(name, code === 'ENOENT' ? 'notFound' : 'notExecutable');
    }

    function refuse(name: string, why: keyof typeof commandExits): number {
      const message =
        why === 'notFound'
          ? `There is no command '${name}' on this machine; ondemand exec runs one in a container`
          : `'${name}' cannot be run: it is a folder, not executable, or of no format that this machine runs`;
      output.fail({ message, body: toOwnBody(exitCodes.failed, message) });
      return commandExits[why];
    }
  },
});
