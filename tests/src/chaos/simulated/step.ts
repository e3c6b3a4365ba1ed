// What may happen in a simulated day: calls by anybody, use of the VM, time, faults, repairs, restarts.

import * as fc from 'fast-check';
import { sequencesOf } from '../arbitrary-sequences.ts';
import { type Caller, callers, containerActions, type PowerAction, powerActions } from '../step.ts';

export const useKinds = ['connections', 'sessions', 'cpu', 'probe', 'unknown'] as const;
export type UseKind = (typeof useKinds)[number];
export const faultNames = [
  'ssh-refuse',
  'ssh-freeze',
  'ssh-cut',
  'vm-full',
  'docker-500',
  'docker-lost-answer',
  'oci-500',
  'oci-slow',
  'oci-lost-answer',
  'oci-lost-request',
  'oci-capacity',
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
  | {
      readonly kind: 'rebuild';
      readonly name: string;
      readonly atOnce: number;
      readonly waits: boolean;
    }
  | { readonly kind: 'cancel' }
  | {
      readonly kind: 'wake';
      readonly waitSeconds: number;
      readonly minutes: number | undefined;
      readonly atOnce: number;
      readonly caller: Caller;
    }
  | { readonly kind: 'lease'; readonly minutes: number; readonly caller: Caller }
  | { readonly kind: 'release' }
  | { readonly kind: 'read'; readonly path: string; readonly caller: Caller }
  /** A person begins to use the VM, or ends it; `unknown`: a probe that cannot be understood. */
  | { readonly kind: 'use'; readonly of: UseKind; readonly begins: boolean }
  /** Nobody does anything through the API; each process observes once a minute. */
  | { readonly kind: 'pass'; readonly minutes: number }
  | { readonly kind: 'fault'; readonly name: FaultName }
  | { readonly kind: 'repair' }
  /** Ends one process, in the middle of a wake or of nothing, and begins another in its place. */
  | { readonly kind: 'restart'; readonly process: 0 | 1; readonly isWaking: boolean };

export interface Sequence {
  /** Of how long each answer from outside takes. */
  readonly seed: number;
  readonly steps: readonly Step[];
}

const caller = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Caller>('admin') },
  { weight: 1, arbitrary: fc.constantFrom(...callers) },
);
const paths = ['/containers', '/vm/status', '/vm/ready', '/vm/idle', '/jobs'];
const kind = <Kind extends Step['kind']>(name: Kind) => fc.constant(name);
const name = fc.constantFrom('nginx', 'postgres');
const atOnce = fc.integer({ min: 1, max: 3 });

const kinds: readonly [number, fc.Arbitrary<Step>][] = [
  [
    4,
    fc.record({
      kind: kind('power'),
      actions: fc.array(fc.constantFrom(...powerActions), { minLength: 1, maxLength: 3 }),
      caller,
    }),
  ],
  [
    4,
    fc.record({
      kind: kind('container'),
      action: fc.constantFrom(...containerActions),
      name,
      caller,
    }),
  ],
  [2, fc.record({ kind: kind('rebuild'), name, atOnce, waits: fc.boolean() })],
  [1, fc.record({ kind: kind('cancel') })],
  [
    4,
    fc.record({
      kind: kind('wake'),
      waitSeconds: fc.constantFrom(0, 5, 90, 90),
      minutes: fc.constantFrom(undefined, 10),
      atOnce,
      caller,
    }),
  ],
  [2, fc.record({ kind: kind('lease'), minutes: fc.constantFrom(5, 25), caller })],
  [1, fc.record({ kind: kind('release') })],
  [3, fc.record({ kind: kind('read'), path: fc.constantFrom(...paths), caller })],
  [4, fc.record({ kind: kind('use'), of: fc.constantFrom(...useKinds), begins: fc.boolean() })],
  [6, fc.record({ kind: kind('pass'), minutes: fc.constantFrom(1, 3, 8, 20) })],
  [4, fc.record({ kind: kind('fault'), name: fc.constantFrom(...faultNames) })],
  [6, fc.record({ kind: kind('repair') })],
  [
    2,
    fc.record({
      kind: kind('restart'),
      process: fc.constantFrom<0 | 1>(0, 1),
      isWaking: fc.boolean(),
    }),
  ],
];

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  seed: fc.nat(),
  steps: sequencesOf(fc.oneof(...kinds.map(([weight, arbitrary]) => ({ weight, arbitrary })))),
});
