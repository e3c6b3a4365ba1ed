// Asks the API for what needs the VM, and wakes it where that is why there is no answer.

import type { OnDemandClient } from '@ondemand/client';
import type { Context } from '../command-context.ts';
import { wakeUp } from '../wait/wait-until-awake.ts';

export interface AwakeOptions {
  readonly client: OnDemandClient;
  readonly wakes: boolean;
  readonly timeoutMs: number;
}

/** The answer of `ask`, after a wake where the first was that the VM is off or not ready. Throws what the API answers else. */
export async function askAwake<T>(
  context: Pick<Context, 'output' | 'signal'>,
  { client, wakes, timeoutMs }: AwakeOptions,
  ask: () => Promise<T>,
): Promise<T> {
  try {
    using _spinner = context.output.spin('Asking for the VM');
    return await ask();
  } catch (error) {
    if (!wakes || context.signal.aborted || !(await mayWake(error))) throw error;
  }
  await wakeUp(context, { client, timeoutMs });
  return ask();
}

/** What only a person can change is told at once, instead of waiting for it. */
async function mayWake(error: unknown): Promise<boolean> {
  const { isApiError } = await import('@ondemand/client'); // late, as everywhere here
  if (!isApiError(error, 'SERVICE_UNAVAILABLE')) return false;
  const { reason, lifecycleState } = error.details;
  if (typeof lifecycleState === 'string') return !/^TERMINAT/.test(lifecycleState);
  return typeof reason === 'string' && !needsAPerson.test(reason);
}

/** By the reasons of the API, of its SSH connection and of Docker. */
const needsAPerson =
  /^(?:HOST_KEY_|KNOWN_HOSTS_|AUTH_(?!TIMEOUT)|KEY_|PASSPHRASE_|NO_CREDENTIALS|AGENT_|NO_COMMON_|DNS_|SHELL_|DOCKER_)/;
