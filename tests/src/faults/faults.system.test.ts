// What can break between the API and the containers breaks here, and the API has to report it in time and recover by itself.

import { afterAll, beforeAll, describe } from 'vitest';
import { describeRealEngine, realEngineProblem } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { createDisposer } from '../support/disposer.ts';
import { declareAddressFaults } from './address-faults.ts';
import { declareAnswerFaults } from './answer-faults.ts';
import { declareBadLines } from './bad-lines.ts';
import { type FaultyServer, startFaultyServer } from './faulty-server.ts';
import { declareLinkFaults } from './link-faults.ts';
import { declareLoad } from './load.ts';
import { declareLostAnswers, declareLostRequest } from './lost-answers.ts';
import { declareLoginFaults, startWithWrongKey, type WrongKey } from './ssh-login-faults.ts';
import { addContainers } from './test-containers.ts';
import { declareVmFaults } from './vm-faults.ts';

const problem = realEngineProblem();
const target = problem === undefined ? 'a real VM' : `the sandbox, as for a real VM ${problem}`;
/** A link that is dead is noticed soon. */
const env = { SSH_KEEPALIVE_SECONDS: '1' };

// Each group has a server of its own, and most of its time is waiting.
describe.concurrent('faults', () => {
  describe(`on the way to ${target}`, () => {
    let vm: RealVm | undefined;
    beforeAll(async () => {
      if (problem !== undefined) return;
      vm = await startRealVm();
      await addContainers(vm);
    });
    afterAll(() => vm?.[Symbol.asyncDispose]());
    const getVm = () => vm;

    describe('by one server', () => {
      const opened = createDisposer();
      let api: FaultyServer;
      beforeAll(async () => {
        api = opened.use(await startFaultyServer({ vm, env }));
      });
      afterAll(() => opened[Symbol.asyncDispose]());
      describe.sequential('the link', () => declareLinkFaults(() => api));
      describe.sequential('a lost answer', () => declareLostAnswers(getVm, () => api));
    });
    describe('by another', () => {
      const opened = createDisposer();
      let started: WrongKey;
      beforeAll(async () => {
        started = await startWithWrongKey(opened, vm);
      });
      afterAll(() => opened[Symbol.asyncDispose]());
      describe.sequential('the login', () => declareLoginFaults(getVm, () => started));
      describe.sequential('many callers', () => declareLoad(() => started.api));
      describe.sequential('the line', () => declareBadLines(() => started.api));
    });
    describe('the address', () => declareAddressFaults(getVm));
  });
  describe('of the sandbox', () => {
    const opened = createDisposer();
    let api: FaultyServer;
    beforeAll(async () => {
      const durations = { startMs: 200, stopMs: 200, bootMs: 0 };
      api = opened.use(await startFaultyServer({ sandbox: { durations } }));
    });
    afterAll(() => opened[Symbol.asyncDispose]());
    describe.sequential('a lost request', () => declareLostRequest(() => api));
    describe.sequential('an answer', () => declareAnswerFaults(() => api));
  });
  describeRealEngine('on a real VM', declareVmFaults);
});
