// What the VM is to a caller, and which power action makes sense in which state.

import { z } from 'zod';
import type { ErrorText } from '../error-texts.ts';
import { maxTransitionMs } from './defaults-limits-timeouts.ts';

/** The product controls one VM; this is its name everywhere. */
export const vmId = 'oci-flex';

/** OCI's instance states: https://docs.oracle.com/iaas/api/#/en/iaas/20160918/Instance/ */
export const lifecycleStates = [
  'MOVING',
  'PROVISIONING',
  'RUNNING',
  'STARTING',
  'STOPPING',
  'STOPPED',
  'CREATING_IMAGE',
  'TERMINATING',
  'TERMINATED',
] as const;
export type LifecycleState = (typeof lifecycleStates)[number];

/** OCI's instance actions that the documented endpoints send. */
export const vmActions = ['START', 'STOP', 'SOFTSTOP', 'SOFTRESET', 'RESET'] as const;
export type VmAction = (typeof vmActions)[number];

export const vmStateSchema = z
  .object({
    vmId: z.literal(vmId).describe('Always "oci-flex"'),
    lifecycleState: z.enum(lifecycleStates).describe('RUNNING, STOPPED, STARTING, ...'),
    displayName: z.string().describe('Its name in OCI'),
    ip: z.ipv4().optional().describe('Public IPv4 address'),
    lastCheck: z.iso.datetime().describe('ISO 8601 timestamp'),
  })
  .meta({ id: 'VmState', description: 'The VM, as OCI has it' });
export type VmState = z.infer<typeof vmStateSchema>;

export const vmActionResultSchema = z
  .object({
    action: z.enum(vmActions).describe('START, STOP, SOFTRESET, RESET'),
    status: z.literal('initiated').describe('e.g. "initiated"'),
    vmId: z.literal(vmId).describe('Always "oci-flex"'),
  })
  .meta({ id: 'VmActionResult', description: 'What OCI accepted; it is not done yet' });
export type VmActionResult = z.infer<typeof vmActionResultSchema>;

export const vmAddressSchema = z
  .object({
    host: z.string().describe('Address or name'),
    port: z.int().describe('Of sshd'),
    user: z.string().describe('Whom the API logs in as'),
    hostKeys: z
      .array(z.string())
      .describe('Those that the API accepted, as in known_hosts: `ssh-ed25519 AAAA…`'),
  })
  .meta({ id: 'VmAddress', description: 'Where the API reaches the VM by SSH' });
export type VmAddress = z.infer<typeof vmAddressSchema>;

export const vmConsoleSchema = z
  .object({
    capturedAt: z.iso.datetime().describe('ISO 8601 timestamp'),
    logs: z.string().describe('The last lines of the serial console'),
  })
  .meta({ id: 'VmConsole', description: 'What the VM wrote to its serial console' });
export type VmConsole = z.infer<typeof vmConsoleSchema>;

export type ActionCheck =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly text: ErrorText<'CONFLICT'>;
      readonly message: string;
    };

/** What people are told of a VM that is neither on nor off. MOVING is also how a state reads that OCI invents later. */
export const transitionTexts = {
  MOVING: 'VM in transition',
  PROVISIONING: 'VM is being created',
  STARTING: 'VM is starting',
  STOPPING: 'VM is stopping',
  CREATING_IMAGE: 'VM image is being made',
  TERMINATING: 'VM is being deleted',
  TERMINATED: 'VM was deleted',
} as const satisfies Record<
  Exclude<LifecycleState, 'RUNNING' | 'STOPPED'>,
  ErrorText<'CONFLICT'> & ErrorText<'SERVICE_UNAVAILABLE'>
>;

/**
 * Whether a power action makes sense: START when STOPPED; STOP, SOFTSTOP, SOFTRESET and RESET when RUNNING; STOP and RESET also when STARTING or STOPPING has taken longer than `maxTransitionMs`.
 * `inTransitionMs` is how long the state has been seen, which OCI itself does not say.
 *
 * @example
 * checkAction('START', 'STOPPED', { inTransitionMs: 0 }); // { allowed: true }
 */
export function checkAction(
  action: VmAction,
  state: LifecycleState,
  { inTransitionMs }: { readonly inTransitionMs: number },
): ActionCheck {
  if (action === 'START') {
    return state === 'STOPPED' ? { allowed: true } : refuse('START needs it STOPPED', state);
  }
  const isStuck = isTransition(state) && inTransitionMs > maxTransitionMs;
  if (state === 'RUNNING' || (isStuck && canForce(action))) return { allowed: true };
  return refuse(`${action} needs it RUNNING`, state, {
    forceable: isTransition(state) && canForce(action),
  });
}

/**
 * Whether the state after an action whose answer was lost proves that it took place.
 * A reset is never proven: it passes through the states of a stop and ends where it began.
 *
 * @example
 * provesAction('STOP', 'RUNNING', 'STOPPING'); // true
 */
export function provesAction(
  action: VmAction,
  before: LifecycleState,
  after: LifecycleState,
): boolean {
  return before !== after && provenBy[action].includes(after);
}

const provenBy: Record<VmAction, readonly LifecycleState[]> = {
  START: ['STARTING', 'RUNNING'],
  STOP: ['STOPPING', 'STOPPED'],
  SOFTSTOP: ['STOPPING', 'STOPPED'],
  SOFTRESET: [],
  RESET: [],
};

function refuse(
  needs: string,
  state: LifecycleState,
  { forceable = false }: { readonly forceable?: boolean } = {},
): ActionCheck {
  const forced = forceable
    ? `; once that has been seen for ${maxTransitionMs / 60_000} minutes it may be cut short`
    : '';
  const [text, what] = isOnOrOff(state)
    ? (['VM already running/stopped', `VM already ${state.toLowerCase()}`] as const)
    : ([transitionTexts[state], transitionTexts[state]] as const);
  return {
    allowed: false,
    text,
    message: `${what}: ${needs}, but ${vmId} is ${state}; ${advice[state]}${forced}`,
  };
}

const advice: Record<LifecycleState, string> = {
  MOVING: 'wait until OCI has moved it',
  PROVISIONING: 'wait until it is RUNNING',
  RUNNING: 'there is nothing to do',
  STARTING: 'wait until it is RUNNING',
  STOPPING: 'wait until it is STOPPED',
  STOPPED: 'start it first if it should run',
  CREATING_IMAGE: 'wait until the image is made',
  TERMINATING: 'it is being deleted and cannot come back',
  TERMINATED: 'it was deleted and cannot come back',
};

function isOnOrOff(state: LifecycleState): state is 'RUNNING' | 'STOPPED' {
  return state === 'RUNNING' || state === 'STOPPED';
}

function isTransition(state: LifecycleState): boolean {
  return state === 'STARTING' || state === 'STOPPING';
}

function canForce(action: VmAction): boolean {
  return action === 'STOP' || action === 'RESET';
}
