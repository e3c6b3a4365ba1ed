// `ondemand start|stop|restart`: one action on each of the containers named.

import type { OnDemandClient } from '@ondemand/client';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { defineCommand } from '../command-line/command.ts';
import { defaultTimeoutMs, wakeOptions } from '../command-line/options.ts';
import { suggestName } from '../command-line/suggest-name.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { toFailure } from '../to-failure.ts';
import { wakeUp } from '../wait/wait-until-awake.ts';

export const start = defineAction({
  verb: 'start',
  doing: 'Starting',
  unchanged: 'already running',
  description: 'Start containers, one after the other. One that is running already is a success.',
  examples: ['ondemand start nginx', 'ondemand start db app --wake'],
  canWake: true,
});

export const stop = defineAction({
  verb: 'stop',
  doing: 'Stopping',
  unchanged: 'already stopped',
  description: 'Stop containers, one after the other. One that is stopped already is a success.',
  examples: ['ondemand stop nginx', 'ondemand stop $(ondemand ps -q)'],
});

export const restart = defineAction({
  verb: 'restart',
  doing: 'Restarting',
  unchanged: 'unchanged',
  description: 'Restart containers, one after the other. One that is stopped is started.',
  examples: ['ondemand restart nginx'],
  canWake: true,
});

interface Action {
  readonly verb: 'start' | 'stop' | 'restart';
  readonly doing: string;
  /** Said of a container that was as asked already. */
  readonly unchanged: string;
  readonly description: string;
  readonly examples: readonly string[];
  /** It makes sense of a VM that is off. */
  readonly canWake?: boolean;
}

function defineAction({ verb, doing, unchanged, description, examples, canWake = false }: Action) {
  return defineCommand({
    description: `${description}\nEach NAME is tried; those that succeed are printed.`,
    operands: { arity: 'some', label: 'NAME…', from: 'containers' },
    options: { ...(canWake && wakeOptions) },
    examples,
    async run(
      context,
      { options: { wake = false, timeout: timeoutMs = defaultTimeoutMs }, operands: names },
    ) {
      const client = await context.connect();
      if (wake) await wakeUp(context, { client, timeoutMs });
      const exits: ExitCode[] = [];
      for (const [index, name] of names.entries()) {
        const later = names.slice(index + 1);
        exits.push(await act(context, { client, verb, doing, unchanged, name, later }));
      }
      return exits.find((exit) => exit !== exitCodes.done) ?? exitCodes.done;
    },
  });
}

interface Attempt extends Pick<Action, 'verb' | 'doing' | 'unchanged'> {
  readonly client: OnDemandClient;
  readonly name: string;
  /** The names that are not tried when the user leaves now. */
  readonly later: readonly string[];
}

/** Reports a failure instead of throwing it, so that the next name is tried too; only Ctrl-C throws. */
async function act(context: Context, attempt: Attempt): Promise<ExitCode> {
  const { output, signal } = context;
  const { client, verb, doing, unchanged, name, later } = attempt;
  try {
    using _spinner = output.spin(`${doing} ${name}`);
    const result = await client.containers[verb].mutate({ name }, { signal });
    output.showOne(result, ({ changed }) => {
      const note = output.isTerminal && !changed ? output.style('dim', ` (${unchanged})`) : '';
      return `${name}${note}\n`;
    });
    return exitCodes.done;
  } catch (error) {
    const failure = await toFailure(error, context.tokenOrigin);
    if (signal.aborted) {
      const rest = later.length === 0 ? '' : `; not begun: ${later.join(', ')}`;
      throw new CliError(
        exitCodes.interrupted,
        `Interrupted; ${verb} ${name} may still take place: look with ondemand ps${rest}`,
        { cause: error },
      );
    }
    const meant = await suggestName(error, context);
    output.fail({ ...failure, message: `${verb} ${name}: ${failure.message}${meant}` });
    return failure.exitCode;
  }
}
