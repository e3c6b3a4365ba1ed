// `ondemand vm start|stop|reboot|reset`: one power action, confirmed first where it interrupts something.

import type { OnDemandClient, VmActionResult } from '@ondemand/client';
import { CliError, usageError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { defineCommand } from '../command-line/command.ts';
import { flag, timeoutOption } from '../command-line/options.ts';
import { exitCodes } from '../exit-codes.ts';
import { createStages, toReasonWhy } from '../views/ready-stage.ts';
import { type Goal, restarted, started, stopped } from '../wait/wait-conditions.ts';
import { waitFor } from '../wait/wait-for.ts';

export const start = definePower({
  verb: 'start',
  already: [
    { lifecycleState: 'RUNNING', text: 'already running' },
    { lifecycleState: 'STARTING', text: 'already starting', isOnItsWay: true },
  ],
  goal: started,
  question: undefined,
  description: `Start the VM; one that runs is a success. SSH and Docker answer some time after RUNNING.
One that is starting is a conflict, but for --wait, which waits for it.`,
  examples: ['ondemand vm start', 'ondemand vm start --wait --timeout 5m && ondemand ps'],
});

export const stop = definePower({
  verb: 'stop',
  already: [
    { lifecycleState: 'STOPPED', text: 'already stopped' },
    { lifecycleState: 'STOPPING', text: 'already stopping', isOnItsWay: true },
  ],
  goal: stopped,
  question: 'Stop oci-flex, with all containers on it?',
  canBeHard: true,
  description: `Shut the VM down, which can take 15 minutes; one that is stopped is a success.
One that is stopping is a conflict, but for --wait without --hard, which waits for it.`,
  examples: [
    'ondemand vm stop',
    'ondemand vm stop --yes --wait --timeout 20m',
    'ondemand vm stop --hard   # for one that hangs',
  ],
});

export const reboot = definePower({
  verb: 'reboot',
  goal: restarted,
  question: 'Reboot oci-flex, with all containers on it?',
  description: 'Ask the operating system of the VM to reboot, which can take 15 minutes.',
  examples: ['ondemand vm reboot', 'ondemand vm reboot --yes --wait --timeout 20m'],
});

export const reset = definePower({
  verb: 'reset',
  goal: restarted,
  question: 'Cut the power of oci-flex? What it has not written yet is lost.',
  description:
    'Cut the power of the VM and start it again, for one that hangs. What it has not written yet is lost.',
  examples: ['ondemand vm reset', 'ondemand vm reset --yes --wait'],
});

interface Already {
  readonly lifecycleState: string;
  /** The words for it. */
  readonly text: string;
  /** A success only for who waits for the end of it. */
  readonly isOnItsWay?: boolean;
}

interface Power {
  /** The states in which there is nothing to send. */
  readonly already?: readonly Already[];
  readonly verb: 'start' | 'stop' | 'reboot' | 'reset';
  /** What `--wait` waits for. */
  readonly goal: Goal;
  readonly question: string | undefined;
  /** Asks the operating system unless told not to. */
  readonly canBeHard?: boolean;
  readonly description: string;
  readonly examples: readonly string[];
}

function definePower({
  verb,
  goal,
  question,
  canBeHard = false,
  description,
  examples,
  already = [],
}: Power) {
  return defineCommand({
    description,
    options: {
      wait: flag(`Wait until ${goal.wanted} (--json: the state of the VM)`),
      timeout: timeoutOption('How long --wait waits at most'),
      yes: flag(
        question === undefined ? 'Accepted, as there is nothing to ask' : 'Do not ask',
        'y',
      ),
      ...(canBeHard && { hard: flag('Cut the power instead of shutting the system down') }),
    },
    examples,
    async run(context, { options: { wait, timeout, yes, hard = false } }) {
      const asks = question !== undefined && !yes;
      if (asks && !context.canConfirm) {
        throw usageError(`vm ${verb} asks first, but there is no terminal to ask in; add --yes`);
      }
      const client = await context.connect();
      if (asks) await context.confirm(question);
      const { output } = context;
      const soft = canBeHard && !hard;
      const awaitsOther = wait && !hard; // it asks for more than what is on its way
      const result = await act(context, {
        ...{ client, verb, soft },
        already: already.filter(({ isOnItsWay = false }) => awaitsOther || !isOnItsWay),
      });
      if ('text' in result) {
        output.say(`oci-flex ${result.text}\n`);
        if (!wait && output.json) {
          output.show(
            await client.vm.status.query(undefined, { signal: context.signal }),
            () => '',
          );
        }
        if (!wait) return exitCodes.done;
      } else if (wait) {
        output.say(`${result.action} initiated on ${result.vmId}\n`);
      } else {
        output.show(result, ({ action, vmId }) => `${action} initiated on ${vmId}\n`);
        return exitCodes.done;
      }
      await watch(context, { client, goal, timeoutMs: timeout });
      if (output.json) {
        const { signal } = context;
        output.show(await client.vm.status.query(undefined, { signal }), () => '');
      }
      return exitCodes.done;
    },
  });
}

interface Act extends Required<Pick<Power, 'verb' | 'already'>> {
  readonly client: OnDemandClient;
  readonly soft: boolean;
}

/** What OCI took, or what made it unnecessary. */
async function act(
  { output, signal }: Context,
  { client, verb, soft, already }: Act,
): Promise<VmActionResult | Already> {
  try {
    using _spinner = output.spin(`Asking OCI to ${verb} the VM`);
    return verb === 'stop' && soft
      ? await client.vm.stop.mutate({ soft }, { signal })
      : await client.vm[verb].mutate(undefined, { signal });
  } catch (error) {
    const found = already.find(({ lifecycleState }) => isConflictWith(error, lifecycleState));
    if (found !== undefined) return found;
    if (!signal.aborted) throw error;
    throw interrupted(`vm ${verb} may still take place`, error);
  }
}

function isConflictWith(error: unknown, lifecycleState: string): boolean {
  if (!(error instanceof Error && 'code' in error && 'details' in error)) return false;
  const { details } = error as { details?: { lifecycleState?: unknown } }; // as the API's errors have it
  return error.code === 'CONFLICT' && details?.lifecycleState === lifecycleState;
}

/** Each stage becomes a line as it is reached; what is waited for next shows in the spinner. */
async function watch(
  { output, signal }: Context,
  { client, goal, timeoutMs }: { client: OnDemandClient; goal: Goal; timeoutMs: number },
): Promise<void> {
  using spinner = output.spin(`Waiting until ${goal.wanted}`);
  const stages = createStages();
  try {
    await waitFor(goal, {
      client,
      signal,
      timeoutMs,
      onChange(ready) {
        output.say(stages.next(ready) ?? '');
        const why = toReasonWhy(ready);
        spinner.update(`Waiting until ${goal.wanted}${why === undefined ? '' : `: ${why}`}`);
      },
      onReconnect: ({ error }) => spinner.update(`Waiting until ${goal.wanted}: ${error.message}`),
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw interrupted('what was asked of the VM goes on', error);
  }
}

function interrupted(what: string, cause: unknown): CliError {
  return new CliError(exitCodes.interrupted, `Interrupted; ${what}: look with ondemand status`, {
    cause,
  });
}
