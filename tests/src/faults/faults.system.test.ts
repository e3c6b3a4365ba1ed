// What can break between the API and the containers breaks here, and the API has to report it in time and recover by itself.

import { afterAll, beforeAll, describe } from 'vitest';
import { describeRealEngine, realEngineProblem } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { declareAddressFaults } from './address-faults.ts';
import { addContainers } from './containers.ts';
import { declareLinkFaults } from './link-faults.ts';
import { declareLoad } from './load.ts';
import { declareLoginFaults } from './login-faults.ts';
import { declareLostAnswers, declareLostRequest } from './lost-answers.ts';
import { declareVmFaults } from './vm-faults.ts';

const problem = realEngineProblem();
const target = problem === undefined ? 'a real VM' : `the sandbox, as for a real VM ${problem}`;

// Each group has servers of its own, and most of their time is waiting.
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

    describe('the link', () => declareLinkFaults(getVm));
    describe('the login', () => declareLoginFaults(getVm));
    describe('the address', () => declareAddressFaults(getVm));
    describe('many callers', () => declareLoad(getVm));
    describe('a lost answer', () => declareLostAnswers(getVm));
  });
  describe('a lost request', declareLostRequest);
  describeRealEngine('on a real VM', declareVmFaults);
});
