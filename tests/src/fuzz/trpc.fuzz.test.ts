// tRPC under fire: calls and batches of each procedure, valid, nearly valid and hostile.

import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { type ApiDocument, type Operation, operationIds, readDocument } from './document.ts';
import { expectNoSecret, expectWholeError } from './judge-answer.ts';
import { expectOnlyIntended } from './judge-effects.ts';
import { type RawAnswer, send } from './raw-http.ts';
import { isPower, runsCommands, runsOf } from './settings.ts';
import { judgeCall, type TrpcCase, toTrpcRequest, trpcCase } from './trpc-case.ts';
import { type FuzzWorld, startFuzzWorld } from './world.ts';

let world: FuzzWorld;
let document: ApiDocument;
let procedures: ReadonlyMap<string, Operation>;

beforeAll(() =>
  openSuite(async (opened) => {
    world = opened.use(await startFuzzWorld());
    document = await readDocument(world.url);
    procedures = new Map(document.operations.map((each) => [each.id.replace('_', '.'), each]));
  }),
);

describe.each([...operationIds.filter((id) => !isPower(id)), ...operationIds.filter(isPower)])(
  '%s',
  (id) => {
    test('answers whatever it is sent in tRPC’s form, and does nothing else', async () => {
      const operation = document.operations.find((each) => each.id === id) as Operation; // rest.fuzz.test.ts says that it is there
      const others = document.operations.filter(
        ({ id: other }) => !runsCommands(other) && !isPower(other),
      );
      await fc.assert(fc.asyncProperty(trpcCase(operation, others), check), runsOf(id));
    });
  },
);

async function check(given: TrpcCase): Promise<void> {
  world.takeEffects();
  const request = toTrpcRequest(given, world.tokens);
  const answer = await send(world.port, request, { isEnough });
  const effects = world.takeEffects();
  world.restore();
  const { status, body } = answer;
  const told = `${status} ${body.slice(0, 500)}`;
  expectNoSecret(answer, world);
  expect(status, told).not.toBe(500);
  if (given.method === 'HEAD') {
    expect([204, 401, 400, 405, 431, 503], told).toContain(status);
    expect(effects.changes).toEqual([]);
    return;
  }
  expect([200, 202, 207, 400, 401, 403, 404, 405, 409, 413, 415, 431, 503], told).toContain(status);
  const isKnown = given.caller !== 'nobody' && given.caller !== 'garbage';
  if (!isKnown) expect([400, 401, 431, 503], told).toContain(status);
  if (!isKnown) expect(effects.changes, told).toEqual([]);
  if (/^\{"error":"/.test(body)) {
    // HTTP itself refused it, before anybody could know that it is for tRPC.
    expect([400, 408, 431], told).toContain(status);
    expectWholeError(JSON.parse(body), answer);
    return;
  }
  if (answer.headers.get('content-type')?.startsWith('text/event-stream')) {
    expect(given.calls).toHaveLength(1);
    return;
  }
  if (/jsonl/.test(JSON.stringify(given.headers)) && status < 300) return; // a stream of lines, which its own tests read
  const parsed: unknown = JSON.parse(body);
  const results = Array.isArray(parsed) ? parsed : [parsed];
  for (const [index, result] of results.entries())
    checkResult(given, result, {
      answer,
      call: results.length === given.calls.length ? given.calls[index] : undefined,
    });
  checkEffects(given, results, effects);
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

/** A single call: its own changes, and none where it was refused. */
function checkEffects(
  given: TrpcCase,
  results: readonly Result[],
  effects: ReturnType<FuzzWorld['takeEffects']>,
): void {
  const [call] = given.calls;
  const [result] = results;
  if (given.isBatch || given.query !== '' || call === undefined || result === undefined) return;
  const operation = procedures.get(decodeOnce(call.procedure));
  if (operation === undefined) {
    expect(effects.changes).toEqual([]);
    return;
  }
  const status = result.error?.data.httpStatus ?? 200;
  const text = given.oddInput ?? call.input ?? '';
  const name = /"name"\s*:/.test(text) ? { name: 'given' } : {};
  expectOnlyIntended(effects, {
    asked: { operation, segments: name },
    body: text,
    answer: { status },
  });
}

/** What the calls say is what is sent. */
function isPlain({ oddInput, query, method, headers, calls, isBatch }: TrpcCase): boolean {
  const isUsual = headers.length === 1 && headers[0]?.[1] === 'application/json';
  const isWhole = calls.every(({ input }) => input === undefined || isJson(input));
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
