// Whatever OCI, or what stands in its place, answers: a value of ours or an `AppError`, and an action is never said to be taken when it was not.

import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { AppError } from '../app-error.ts';
import { lifecycleStates, vmConsoleSchema } from '../model/vm.ts';
import { instance, setUpOci, startOci } from '../testing/compute.test-support.ts';
import { often } from '../testing/fuzz-size.test-support.ts';
import { oddJson } from '../testing/odd-json.test-support.ts';
import type { createOciCompute } from './compute.ts';

const { computeAt } = setUpOci();

const history = {
  id: 'h1',
  lifecycleState: 'SUCCEEDED',
  timeCreated: '2026-01-01T00:00:00Z',
  instanceId: 'x',
};
const attachments = [{ vnicId: 'first', lifecycleState: 'ATTACHED' }];
const vnic = { id: 'first', isPrimary: true, publicIp: '203.0.113.7' };
const good = {
  instance: JSON.stringify(instance()),
  attachments: JSON.stringify(attachments),
  vnic: JSON.stringify(vnic),
  history: JSON.stringify(history),
  captured: JSON.stringify(history),
  console: 'login:',
};

let answers = good;
let status = 200;
const etag: string | undefined = 'e1';
let actions = 0;
let oci: Awaited<ReturnType<typeof startOci>>;
let compute: ReturnType<typeof createOciCompute>;

beforeAll(async () => {
  oci = await startOci(({ method, url }, response) => {
    const path = url.split('?')[0] ?? '';
    const isAction = method === 'POST' && path.includes('/instances/');
    if (isAction) actions += 1;
    const [code, body] = isAction
      ? [status, answers.instance]
      : path.endsWith('/data')
        ? [200, answers.console]
        : method === 'DELETE'
          ? [204, '']
          : path.includes('/instanceConsoleHistories')
            ? [200, method === 'POST' ? answers.captured : answers.history]
            : path.includes('/vnicAttachments')
              ? [200, answers.attachments]
              : [200, path.includes('/vnics/') ? answers.vnic : answers.instance];
    response.writeHead(code, {
      'content-type': 'application/json',
      ...(etag !== undefined && { etag }),
    });
    response.end(code === 204 ? undefined : body);
  });
  compute = computeAt(oci.endpoint);
});

afterAll(async () => {
  await compute[Symbol.asyncDispose]();
  await oci[Symbol.asyncDispose]();
});

async function outcome<T>(call: Promise<T>): Promise<{ value: T } | { error: AppError }> {
  return call.then(
    (value) => ({ value }),
    (error: unknown) => {
      expect(error).toBeInstanceOf(AppError);
      const failure = error as AppError; // as was just seen
      expect(`${failure.code} ${failure.message}`).not.toMatch(/INTERNAL_ERROR.*signed or sent/);
      return { error: failure };
    },
  );
}

test('getInstance() gives an instance in a state that OCI has, or SERVICE_UNAVAILABLE', async () => {
  await fc.assert(
    fc.asyncProperty(oddJson(instance()), async (text) => {
      answers = { ...good, instance: text };
      const ended = await outcome(compute.getInstance());
      if ('error' in ended) expect(ended.error.code).toBe('SERVICE_UNAVAILABLE');
      else {
        expect(lifecycleStates).toContain(ended.value.lifecycleState);
        expect(ended.value.displayName).toBeTypeOf('string');
      }
    }),
    often(2),
  );
});

test('getPublicIp() gives an address, none, or SERVICE_UNAVAILABLE', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(oddJson(attachments), fc.constant(good.attachments)),
      fc.oneof(oddJson(vnic), fc.constant(good.vnic)),
      async (listed, card) => {
        answers = { ...good, attachments: listed, vnic: card };
        const ended = await outcome(compute.getPublicIp());
        if ('error' in ended) expect(ended.error.code).toBe('SERVICE_UNAVAILABLE');
        else expect(z.ipv4().optional().safeParse(ended.value).success).toBe(true);
      },
    ),
    often(2),
  );
});

test('act() is taken only where OCI said so, and sent once where it is unknown', async () => {
  await fc.assert(
    fc.asyncProperty(
      oddJson(instance('STARTING')),
      fc.constantFrom(200, 200, 202, 204, 304, 400, 404, 409, 412),
      async (text, given) => {
        answers = { ...good, instance: text };
        status = given;
        actions = 0;
        const ended = await outcome(compute.act('START', { etag: 'e1' }));
        expect(actions).toBe(1);
        if ('value' in ended) expect(given).toBeLessThan(300);
        else if (given < 300) expect(ended.error.details.outcome).toBe('unknown');
      },
    ),
    often(2),
  );
});

test('readConsole() gives a text, or SERVICE_UNAVAILABLE', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(oddJson(history), fc.constant(good.history)),
      fc.constantFrom('SUCCEEDED', 'FAILED'),
      fc.oneof(fc.string({ unit: 'binary' }), fc.json()),
      async (captured, lifecycleState, text) => {
        const seen = JSON.stringify({ ...history, lifecycleState });
        answers = { ...good, captured, history: seen, console: text };
        const ended = await outcome(compute.readConsole({ lines: 5 }));
        if ('error' in ended) expect(ended.error.code).toBe('SERVICE_UNAVAILABLE');
        else expect(vmConsoleSchema.safeParse(ended.value).error).toBeUndefined();
      },
    ),
    often(1),
  );
});
