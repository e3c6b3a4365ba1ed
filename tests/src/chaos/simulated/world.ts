// Two processes of the API before one cloud and one VM, all in memory and by a clock that only the test moves.

import { AppError } from '@ondemand/core';
import { createServer } from '@ondemand/server';
import { vi } from 'vitest';
import { createAuditTrail } from '../../../../packages/server/dist/audit/trail.js';
import { parseBearer } from '../../../../packages/server/dist/auth/bearer.js';
import { invalidToken } from '../../../../packages/server/dist/auth/challenge.js';
import { toScopes } from '../../../../packages/server/dist/auth/principal.js';
import { createLogger } from '../../../../packages/server/dist/process/logger.js';
import type { Caller } from '../step.ts';
import type { ChaosAnswer, ChaosRequest } from '../world.ts';
import { type ApiProcess, startProcess } from './api-process.ts';
import { createIdleRules, type IdleRules } from './idle-rules.ts';
import { createRandom } from './random.ts';
import { type Cloud, createCloud } from './simulated-oci.ts';
import { createMachine, type Machine } from './simulated-vm.ts';

export interface SimulatedWorld {
  readonly cloud: Cloud;
  readonly machine: Machine;
  readonly idleRules: IdleRules;
  /** Failures that no part of the product foresees. */
  readonly internalErrors: readonly unknown[];
  ask(process: number, request: SimulatedRequest): Promise<ChaosAnswer>;
  restart(process: number): Promise<void>;
  /** Ends both processes, and then the world. */
  close(): Promise<void>;
}

export interface SimulatedRequest extends ChaosRequest {
  readonly prefer?: string;
}

/** The HTTP servers of all worlds: what they answer from is the world of the present. */
export interface Fronts extends AsyncDisposable {
  enter(seed: number): SimulatedWorld;
}

type Services = ApiProcess['services'];

export async function openFronts(): Promise<Fronts> {
  let current: { readonly machine: Machine; readonly processes: readonly ApiProcess[] };
  const logger = await createLogger({
    level: process.env.FUZZ_LOG ?? 'silent',
    isTerminal: false,
  });
  const scopeNames = { read: 'read', wake: 'wake', admin: 'admin' };
  const createFront = (process: number) =>
    createServer({
      services: toPresentServices(() => current.processes[process]?.services),
      async authenticate(authorization) {
        const token = parseBearer(authorization);
        if (current.machine.faults.has('issuer-down'))
          throw new AppError('SERVICE_UNAVAILABLE', 'the issuer does not answer');
        if (token === '') throw invalidToken('The token is not known');
        const granted = toScopes(new Set([token]), scopeNames);
        return { sub: token, clientId: 'test', scopes: granted, expiresAt: '2099-01-01T00:00:00Z' };
      },
      scopeNames,
      issuer: 'https://auth.example.com',
      publicUrl: 'http://127.0.0.1:5000',
      checkReady: async () => {},
      ...{ rateLimitPerMinute: 0, logger },
      // A request that is injected lacks what Node's have.
      watch(app) {
        app.addHook('onRequest', (request, _reply, done) => {
          const headers = Object.entries(request.raw.headers);
          const headersDistinct = Object.fromEntries(
            headers.map(([name, value]) => [name, [value]]),
          );
          Object.assign(request.raw, { headersDistinct });
          done();
        });
      },
      audit: createAuditTrail({ log() {}, logFailure() {} }),
    });
  const fronts = [await createFront(0), await createFront(1)];
  return {
    enter(seed) {
      const random = createRandom(seed);
      const machine = createMachine(random);
      const idleRules = createIdleRules(machine);
      const internalErrors: unknown[] = [];
      let boot: NodeJS.Timeout | undefined;
      const cloud = createCloud({
        ...{ random, faults: machine.faults },
        onState(state) {
          clearTimeout(boot);
          if (state === 'RUNNING') boot = setTimeout(() => machine.power(true), 15_000);
          else machine.power(false);
        },
        onAccepted: idleRules.onAction,
      });
      const start = (process: number) =>
        startProcess({
          ...{ machine, random, compute: cloud.connect(process) },
          onObserved: () => idleRules.onObserved(process),
          onNoted: () => idleRules.onNoted(process),
          onInternalError: (error) => internalErrors.push(error),
        });
      const processes = [start(0), start(1)];
      current = { machine, processes };
      return {
        ...{ cloud, machine, idleRules, internalErrors },
        async ask(process, { method, path, caller, body, prefer }) {
          const answer = await fronts[process]?.inject({
            ...{ method, url: path },
            headers: { ...toAuthorization(caller), ...(prefer && { prefer }) },
            ...(body && { payload: body }),
          });
          return { status: answer?.statusCode ?? 0, text: answer?.body ?? '' };
        },
        async restart(process) {
          await processes[process]?.stop();
          idleRules.onEnded(process);
          processes[process] = start(process);
        },
        async close() {
          await Promise.all(processes.map((each) => each.stop()));
          clearTimeout(boot);
          cloud[Symbol.dispose]();
          machine[Symbol.dispose]();
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(fronts.map((front) => front.close()));
    },
  };
}

function toAuthorization(caller: Caller) {
  return caller === 'nobody' ? {} : { authorization: `Bearer ${caller}` };
}

/** Each call goes to the services that there are when it is made. */
function toPresentServices(present: () => Services | undefined): Services {
  const nouns = 'vm readiness waker console ssh containers jobs events idle diagnosis leases';
  return Object.fromEntries(
    nouns.split(' ').map((noun) => [
      noun,
      new Proxy(
        {},
        {
          get: (_, key) =>
            key === 'then'
              ? undefined
              : (...args: unknown[]) => {
                  const target = present()?.[noun as keyof Services] as Record<
                    PropertyKey,
                    () => unknown
                  >;
                  return Reflect.apply(target[key] as () => unknown, target, args);
                },
        },
      ),
    ]),
  ) as unknown as Services; // the same names and methods
}

/** Moves the clock from one timer to the next until the promise has settled. */
export async function settle<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const end = () => {
    isSettled = true;
  };
  promise.then(end, end);
  const lastMs = Date.now() + 2 * 3_600_000;
  for (let turns = 0; !isSettled; ) {
    for (let turn = 0; turn < 3 && !isSettled; turn += 1) await new Promise(setImmediate);
    if (isSettled) break;
    const beforeMs = Date.now();
    vi.advanceTimersToNextTimer();
    turns = Date.now() === beforeMs ? turns + 1 : 0;
    if (Date.now() > lastMs || turns > 10_000)
      throw new Error('Nothing that is waited for happens any more');
  }
  return promise;
}
