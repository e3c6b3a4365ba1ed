// `ondemand exec`: a command in a container, by docker exec over the user's own ssh.

import { isatty } from 'node:tty';
import type { Environment } from '../api-target.ts';
import { CliError, usageError } from '../cli-error.ts';
import { defineCommand, type Values } from '../command-line/command.ts';
import { flag, listOption, textOption } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { endOfSsh, start } from '../remote/child.ts';
import { quote } from '../remote/quote.ts';
import { plainSession } from '../remote/ssh-arguments.ts';
import { sshOptions, withContainer } from '../remote/wake-and-prepare-ssh.ts';

const options = {
  as: textOption({
    short: 'u',
    placeholder: 'USER',
    summary: 'Whom it runs as in the container, as of docker exec -u',
  }),
  workdir: textOption({
    short: 'w',
    placeholder: 'FOLDER',
    summary: 'Where it runs in the container',
  }),
  env: listOption(
    {
      short: 'e',
      placeholder: 'NAME=VALUE',
      summary: 'A variable for it, or NAME for the value it has here; may be repeated',
    },
    parseVariable,
  ),
  'no-tty': flag('No terminal for it, even where there is one', 'T'),
  ...sshOptions,
} as const;

export const exec = defineCommand({
  description: `Run COMMAND, or sh, in a container, by docker exec over your own ssh; in a terminal it gets one.
The VM is woken first and kept on meanwhile. Arguments reach COMMAND exactly as they are.
It ends with the exit code of COMMAND: 126 and 127 where it cannot be run or found, and 255 where
ssh could not connect. --json changes nothing of what COMMAND prints.`,
  operands: { arity: 'some', label: 'NAME [-- COMMAND…]', from: 'containers', commandAt: 1 },
  options,
  examples: [
    'ondemand exec web',
    'ondemand exec web -- ls -l /www',
    'ondemand exec -u postgres db -- pg_dump app > app.sql',
    "ondemand exec web -- sh -c 'echo $HOSTNAME'",
  ],
  async run(context, { options, operands: [name, ...command] }) {
    const session = { options, reason: `ondemand exec ${name}`, name };
    return withContainer(context, session, ({ container, ssh }) => {
      if (container.state !== 'running') throw notRunning(container);
      const hasTerminal = !options['no-tty'] && isatty(0) && isatty(1);
      const argv = toDockerExec(container.name, command, {
        options,
        env: context.env,
        hasTerminal,
      });
      const remote = ssh({
        settings: plainSession,
        flags: [hasTerminal ? '-t' : '-T'],
        command: quote(argv),
      });
      return endOfSsh(start(remote, { stdio: 'inherit' }), context);
    });
  },
});

interface Exec {
  readonly options: Pick<Values<typeof options>, 'as' | 'workdir' | 'env'>;
  readonly env: Environment;
  readonly hasTerminal: boolean;
}

/** What runs on the VM. */
export function toDockerExec(
  container: string,
  command: readonly string[],
  { options: { as: user, workdir, env: variables }, env, hasTerminal }: Exec,
): readonly string[] {
  const given = variables.flatMap((variable) => {
    if (variable.includes('=')) return [variable];
    const value = env[variable];
    return value === undefined ? [] : [`${variable}=${value}`]; // as docker's own client
  });
  return [
    ...['docker', 'exec', '-i', ...(hasTerminal ? ['-t'] : [])],
    ...(user === undefined ? [] : [`--user=${user}`]),
    ...(workdir === undefined ? [] : [`--workdir=${workdir}`]),
    ...given.map((variable) => `--env=${variable}`),
    container,
    ...(command.length === 0 ? ['sh'] : command),
  ];
}

function parseVariable(text: string): string {
  if (/^[^=\s]+(?:=|$)/.test(text)) return text;
  throw usageError(`needs NAME=VALUE or NAME, not '${text}'`);
}

function notRunning({ name, state }: { name: string; state: string }): CliError {
  const advice =
    state === 'paused'
      ? `unpause it first (ondemand ssh -- docker unpause ${name})`
      : `start it first with ondemand start ${name}`;
  return new CliError(
    exitCodes.conflict,
    `Container '${name}' is not running (${state}): ${advice}`,
  );
}
