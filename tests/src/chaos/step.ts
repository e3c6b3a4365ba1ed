// What may happen to two processes that listen: calls by anybody, faults, repairs, restarts.

import * as fc from 'fast-check';
import { sequencesOf } from './arbitrary-sequences.ts';

export const callers = ['nobody', 'read', 'wake', 'admin'] as const;
export type Caller = (typeof callers)[number];
export const powerActions = ['start', 'stop', 'reboot', 'reset'] as const;
export type PowerAction = (typeof powerActions)[number];
export const containerActions = ['start', 'stop', 'restart'] as const;
export const faultNames = [
  'ssh-drop',
  'ssh-refuse',
  'ssh-freeze',
  'docker-500',
  'docker-cut',
  'docker-lost-answer',
  'docker-slow',
  'oci-500',
  'oci-throttled',
  'oci-lost-answer',
  'oci-reset',
  'issuer-down',
] as const;
export type FaultName = (typeof faultNames)[number];

export type Step =
  /** All at the same moment, to both processes in turns. */
  | { readonly kind: 'power'; readonly actions: readonly PowerAction[]; readonly caller: Caller }
  | {
      readonly kind: 'container';
      readonly action: (typeof containerActions)[number];
      readonly name: string;
      readonly caller: Caller;
    }
  | { readonly kind: 'wake'; readonly caller: Caller }
  | { readonly kind: 'lease'; readonly caller: Caller }
  | { readonly kind: 'release' }
  | { readonly kind: 'read'; readonly path: string; readonly caller: Caller }
  | { readonly kind: 'fault'; readonly name: FaultName }
  /** The VM comes back with a host key that nobody vouches for, until `repair`. */
  | { readonly kind: 'impostor' }
  | { readonly kind: 'repair' }
  | { readonly kind: 'restart'; readonly process: 0 | 1 };

const caller = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Caller>('admin') },
  { weight: 1, arbitrary: fc.constantFrom(...callers) },
);
const paths = [
  '/containers',
  '/vm/status',
  '/vm/ready',
  '/vm/idle',
  '/jobs',
  '/containers/nginx/logs',
];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('power' as const),
      actions: fc.array(fc.constantFrom(...powerActions), { minLength: 1, maxLength: 3 }),
      caller,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('container' as const),
      action: fc.constantFrom(...containerActions),
      name: fc.constantFrom('nginx', 'postgres'),
      caller,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wake' as const), caller }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lease' as const), caller }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'release' }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      path: fc.constantFrom(...paths),
      caller,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      name: fc.constantFrom(...faultNames),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'impostor' }) },
  { weight: 5, arbitrary: fc.constant<Step>({ kind: 'repair' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('restart' as const),
      process: fc.constantFrom<0 | 1>(0, 1),
    }),
  },
);

export const steps = sequencesOf(step);
