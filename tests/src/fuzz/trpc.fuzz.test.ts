// tRPC under fire: calls and batches of each procedure, valid, nearly valid and hostile.

import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { expectNoSecret, expectWholeError } from './judge-answer.ts';
import { type Exchange, expectOnlyIntended } from './judge-effects.ts';
import {
  type ApiDocument,
  type Operation,
  operationIds,
  readDocument,
} from './openapi-document.ts';
import { type RawAnswer, send } from './raw-http.ts';
import { isPower, runsCommands, runsOf } from './runs-per-operation.ts';
import { createTally } from './tally.ts';
import { judgeCall, type TrpcCase, toTrpcRequest, trpcCase } from './trpc-case.ts';
import { type Effects, type FuzzWorld, startFuzzWorld } from './world.ts';

let world: FuzzWorld;
let document: ApiDocument;
let procedures: ReadonlyMap<string, Operation>;
const tally = createTally('tRPC');

beforeAll(() =>
  openSuite(async (opened) => {
    world = opened.use(await startFuzzWorld());
    document = await readDocument(world.url);
    procedures = new Map(document.operations.map((each) => [each.id.replace('_', '.'), each]));
  }),
);

afterEach(() => world.expectNothingMade());
afterAll(() => tally.record());

describe.each([...operationIds.filter((id) => !isPower(id)), ...operationIds.filter(isPower)])(
  '%s',
  (id) => {
    test('answers whatever it is sent in tRPC’s form, and does nothing else', async () => {
      const operation = document.operations.find((each) => each.id === id) as Operation; // rest.fuzz.test.ts says that it is there
      // Beside what turns the VM off nothing that would wait for it.
      const others = document.operations.filter(({ id: other }) =>
        isPower(id) ? isPower(other) : !runsCommands(other) && !isPower(other),
      );
      await fc.assert(
        fc.asyncProperty(trpcCase(operation, others), async (given) =>
          tally.add(id, await check(given)),
        ),
        runsOf(id),
      );
    });
  },
);

/** Resolves with the status. */
async function check(given: TrpcCase): Promise<number> {
  const request = toTrpcRequest(given, world.tokens);
  const { answer, effects } = await world.during(() => send(world.port, request, { isEnough }));
  const { status, body } = answer;
  const told = `${status} ${body.slice(0, 500)}`;
  expectNoSecret(answer, world);
  expect(status, told).not.toBe(500);
  if (given.method === 'HEAD') {
    expect([204, 400, 401, 404, 405, 431, 503], told).toContain(status);
    expectOnlyIntended(effects, []);
    return status;
  }
  expect([200, 202, 207, 400, 401, 403, 404, 405, 409, 413, 415, 431, 503], told).toContain(status);
  const isKnown = given.caller !== 'nobody' && given.caller !== 'garbage';
  if (!isKnown) expect([400, 401, 431, 503], told).toContain(status);

  if (/^\{"error":"/.test(body)) {
    // HTTP itself refused it, before anybody could know that it is for tRPC.
    expect([400, 408, 431], told).toContain(status);
    expectWholeError(JSON.parse(body), answer);
    expectOnlyIntended(effects, []);
    return status;
  }
  if (answer.headers.get('content-type')?.startsWith('text/event-stream')) {
    expect(given.calls).toHaveLength(1);
    checkEffects(given, undefined, effects);
    return status;
  }
  if (/jsonl/.test(JSON.stringify(given.headers)) && status < 300) {
    checkEffects(given, undefined, effects); // a stream of lines, which its own tests read
    return status;
  }
  const parsed: unknown = JSON.parse(body);
  const results = Array.isArray(parsed) ? parsed : [parsed];
  const calls = toCalls(given);
  for (const [index, result] of results.entries())
    checkResult(given, result, {
      answer,
      call: results.length === calls.length ? calls[index] : undefined,
    });
  checkEffects(given, results, effects);
  return status;
}

interface Result {
  readonly result?: { readonly data: unknown };
  readonly error?: {
    readonly message: string;
    readonly code: number;
    readonly data: { readonly httpStatus: number; readonly path?: string; readonly code: string };
  };
}

function checkResult(
  given: TrpcCase,
  result: Result,
  { answer, call }: { answer: RawAnswer; call: TrpcCase['calls'][number] | undefined },
): void {
  const told = JSON.stringify(result).slice(0, 500);
  const operation = call && procedures.get(decodeOnce(call.procedure));
  if (result.error !== undefined) {
    const { httpStatus, path: _, ...error } = result.error.data;
    expect(result.error.code, told).toBeTypeOf('number');
    if (answer.status !== 207) expect(httpStatus, told).toBe(answer.status);
    const whole = expectWholeError(error, { ...answer, status: httpStatus });
    expect(result.error.message).toBe(whole.message);
    expect(httpStatus, told).not.toBe(500);
    if (
      call !== undefined &&
      operation !== undefined &&
      isPlain(given) &&
      !(given.isBatch && operation.isStream) &&
      isAllowed(given.caller, operation) &&
      judgeCall(call, operation, document) === 'valid'
    )
      expect(httpStatus, told).not.toBe(400);
    return;
  }
  expect(result.result, told).toBeDefined();
  expect(call, told).toBeDefined();
  expect(operation, told).toBeDefined();
  if (operation === undefined || call === undefined || result.result === undefined) return;
  expect(isAllowed(given.caller, operation), told).toBe(true);
  if (isPlain(given)) expect(judgeCall(call, operation, document), told).not.toBe('invalid');
  const schema = operation.answers['200']?.['application/json'];
  if (schema !== undefined)
    expect(document.check(schema, result.result.data), told).toBeUndefined();
}

/** Of each call its own, and none where it was refused; without results, of those that may have been taken. */
function checkEffects(
  given: TrpcCase,
  results: readonly Result[] | undefined,
  effects: Effects,
): void {
  const calls = toCalls(given);
  const exchanges = calls.flatMap(({ procedure, input }, index): Exchange[] => {
    const operation = procedures.get(decodeOnce(procedure));
    if (operation === undefined || !isAllowed(given.caller, operation)) return [];
    const isEach = results?.length === calls.length;
    const status = isEach
      ? results[index]?.error?.data.httpStatus
      : results?.[0]?.error?.data.httpStatus;
    const body = input ?? '';
    const answer = { status: results && (status ?? 200) };
    return [{ asked: { operation, segments: toSegments(body) }, body, answer }];
  });
  expectOnlyIntended(effects, exchanges);
}

/** As tRPC takes them: a name may have a comma in it, and what is not meant for a batch has no input for any of its calls. */
function toCalls({ calls, isBatch, query, oddInput }: TrpcCase): TrpcCase['calls'] {
  const path = calls.map(({ procedure }) => procedure).join();
  if (!isBatch && !query.startsWith('batch=1'))
    return [{ procedure: path, input: oddInput ?? calls[0]?.input }];
  const hasInputs = isBatch && oddInput === undefined;
  return decodeOnce(path)
    .split(',')
    .map((procedure, index) => ({
      procedure,
      input: hasInputs ? calls[index]?.input : undefined,
    }));
}

function toSegments(input: string): Readonly<Record<string, string>> {
  if (!isJson(input)) return {};
  const { name, id } = Object(JSON.parse(input)) as Readonly<Record<string, unknown>>;
  return {
    ...(typeof name === 'string' && { name }),
    ...(typeof id === 'string' && { id }),
  };
}

/** What the calls say is what is sent. */
function isPlain({ oddInput, query, method, headers, calls, isBatch }: TrpcCase): boolean {
  const isUsual = headers.length === 1 && headers[0]?.[1] === 'application/json';
  const isWhole = !isBatch || calls.every(({ input }) => input === undefined || isJson(input));
  return (
    oddInput === undefined &&
    query === '' &&
    (method === 'GET' || method === 'POST') &&
    isUsual &&
    isWhole &&
    (isBatch || calls.length === 1)
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isAllowed(caller: string, { scopes }: Operation): boolean {
  return caller === 'admin' || scopes.includes(caller);
}

function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(decodeURIComponent(text));
  } catch {
    return text;
  }
}

function isEnough({ status, headers, body }: RawAnswer): boolean {
  return (
    status === 200 &&
    headers.get('content-type')?.startsWith('text/event-stream') === true &&
    body.includes('\n\n')
  );
}
