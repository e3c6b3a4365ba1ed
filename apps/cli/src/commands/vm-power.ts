// `ondemand vm start|stop|reboot|reset`: one power action, asked about first where it interrupts something.

import type { OnDemandClient, VmState } from '@ondemand/client';
import { CliError, usageError } from '../cli-error.ts';
import { defineCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { flag, parseDuration } from '../options.ts';
import { formatDuration } from '../output/duration.ts';
import { type Goal, restarted, started, stopped } from '../wait/goals.ts';
import { waitFor } from '../wait/wait-for.ts';

const defaultTimeoutMs = 10 * 60_000; // above its users: the commands are made while this module loads

export const start = definePower({
  verb: 'start',
  goal: started,
  question: undefined,
  description:
    'Start the VM. It must be STOPPED; RUNNING comes some time before SSH and Docker answer.',
  examples: ['ondemand vm start', 'ondemand vm start --wait --timeout 5m && ondemand ps'],
});

export const stop = definePower({
  verb: 'stop',
  goal: stopped,
  question: 'Stop oci-flex at once, with all containers on it?',
  description: 'Stop the VM at once, and with it what it costs.',
  examples: ['ondemand vm stop', 'ondemand vm stop --yes --wait'],
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

interface Power {
  readonly verb: 'start' | 'stop' | 'reboot' | 'reset';
  /** What `--wait` waits for. */
  readonly goal: Goal;
  readonly question: string | undefined;
  readonly description: string;
  readonly examples: readonly string[];
}

function definePower({ verb, goal, question, description, examples }: Power) {
  return defineCommand({
    description,
    options: {
      wait: flag(`Wait until ${goal.wanted} (--json: the state of the VM)`),
      timeout: {
        kind: 'value',
        placeholder: 'DURATION',
        summary: 'How long --wait waits at most, such as 90s or 1h (default: 10m)',
        fallback: defaultTimeoutMs,
        parse: parseDuration,
      },
      yes: flag(
        question === undefined ? 'Accepted, as there is nothing to ask' : 'Do not ask',
        'y',
      ),
    },
    examples,
    async run(context, { options: { wait, timeout, yes } }) {
      const asks = question !== undefined && !yes;
      if (asks && !context.canConfirm) {
        throw usageError(`vm ${verb} asks first, but there is no terminal to ask in; add --yes`);
      }
      const client = await context.connect();
      if (asks) await context.confirm(question);
      const { output } = context;
      const result = await act(context, client, verb);
      if (!wait) {
        output.show(result, ({ action, vmId }) => `${action} initiated on ${vmId}\n`);
        return exitCodes.done;
      }
      output.say(`${result.action} initiated on ${result.vmId}\n`);
      const state = await watch(context, { client, goal, timeoutMs: timeout });
      output.show(state, () => '');
      return exitCodes.done;
    },
  });
}

async function act({ output, signal }: Context, client: OnDemandClient, verb: Power['verb']) {
  try {
    using _spinner = output.spin(`Asking OCI to ${verb} the VM`);
    return await client.vm[verb].mutate(undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw interrupted(`vm ${verb} may still take place`, error);
  }
}

/** Each stage becomes a line as it is reached; what is waited for next shows in the spinner. */
async function watch(
  { output, signal }: Context,
  { client, goal, timeoutMs }: { client: OnDemandClient; goal: Goal; timeoutMs: number },
): Promise<VmState> {
  using spinner = output.spin(`Waiting until ${goal.wanted}`);
  let shown: string | undefined;
  try {
    return await waitFor(goal, {
      client,
      signal,
      timeoutMs,
      onLook({ stage, next, elapsedMs }) {
        const elapsed = formatDuration(elapsedMs);
        if (stage !== shown) output.say(`${elapsed.padStart(6)}   ${stage}\n`);
        shown = stage;
        spinner.update(`${next} (${elapsed})`);
      },
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
