// REST under fire: for each operation of the document, valid, nearly valid and hostile requests.

import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { expectDocumented, expectNoSecret, expectWholeError } from './judge-answer.ts';
import { expectOnlyIntended } from './judge-effects.ts';
import {
  type ApiDocument,
  type Operation,
  operationIds,
  readDocument,
} from './openapi-document.ts';
import { type RawAnswer, send } from './raw-http.ts';
import {
  judgeInput,
  type RestCase,
  restCase,
  splitTarget,
  type Target,
  toRequest,
} from './rest-case.ts';
import { isPower, runsOf } from './runs-per-operation.ts';
import { createTally } from './tally.ts';
import { type FuzzWorld, startFuzzWorld } from './world.ts';

let world: FuzzWorld;
let document: ApiDocument;
const tally = createTally('REST');

beforeAll(() =>
  openSuite(async (opened) => {
    world = opened.use(await startFuzzWorld());
    document = await readDocument(world.url);
  }),
);

afterEach(() => world.expectNothingMade());
afterAll(() => tally.record());

/** Those that turn the VM off come last: what follows would wait until it is reached again. */
const inOrder = [...operationIds.filter((id) => !isPower(id)), ...operationIds.filter(isPower)];

test('every operation of the document is tried', () => {
  expect(document.operations.map(({ id }) => id).sort()).toEqual([...operationIds].sort());
});

describe.each(inOrder)('%s', (id) => {
  test('answers whatever it is sent as its document says, and does nothing else', async () => {
    const operation = document.operations.find((each) => each.id === id) as Operation; // the first test says that there are no others
    await fc.assert(
      fc.asyncProperty(restCase(operation), async (given) => tally.add(id, await check(given))),
      runsOf(id),
    );
  });
});

/** Resolves with the status. */
async function check(given: RestCase): Promise<number> {
  const request = toRequest(given, world.tokens);
  const target = splitTarget(request.target);
  const { answer, effects } = await world.during(() =>
    send(world.port, request, { isEnough: isEnoughOf(target) }),
  );
  const { status, body } = answer;
  const told = `${status} ${body.slice(0, 500)}`;
  expectNoSecret(answer, world);
  expect(status, told).not.toBe(500);
  if (status >= 400 && given.method !== 'HEAD') expectWholeError(JSON.parse(body), answer);
  const isHead = given.method === 'HEAD';
  const asked = document.find(isHead ? 'GET' : given.method, decodeLetters(target.path));
  if (asked === undefined) {
    const isOther = given.method === 'OPTIONS' || target.path === '/'; // a preflight; the docs
    if (!isOther) expect([400, 401, 403, 404, 405, 431, 503], told).toContain(status);
    expectOnlyIntended(effects, []);
    return status;
  }
  const { operation } = asked;
  const validity = judgeInput({ ...given, target }, asked, document);
  const isKnown = given.caller !== 'nobody' && given.caller !== 'garbage';
  const mayCall = isKnown && isAllowed(given.caller, operation.scopes);
  if (status < 300) {
    expect(mayCall, `${given.caller} got ${told}`).toBe(true);
    expect(validity, told).not.toBe('invalid');
    if (!isHead) expectDocumented(operation, answer, document);
  } else {
    expect([...Object.keys(operation.answers).map(Number), 431], told).toContain(status);
  }
  if (!isKnown)
    expect([400, 401, 431, 503], told).toContain(status); // 503: too many unknown tokens were asked about
  else if (!mayCall) expect([400, 403, 431], told).toContain(status);
  else if (validity === 'valid' && !hasControlCharacter(given))
    expect([400, 413, 415], told).not.toContain(status);
  expectOnlyIntended(effects, [{ asked, body: given.body, answer }]);
  return status;
}

/** A letter means the same when it is escaped: https://www.rfc-editor.org/rfc/rfc3986#section-2.3 */
function decodeLetters(path: string): string {
  return path.replaceAll(/%(?:4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/gi, decodeURIComponent);
}

/** HTTP itself refuses some bytes. */
function hasControlCharacter({ headers }: RestCase): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
  return headers.some(([, value]) => /[\x00-\x08\x0a-\x1f\x7f]/.test(value));
}

function isAllowed(caller: string, scopes: readonly string[]): boolean {
  return caller === 'admin' || scopes.includes(caller);
}

/** A followed stream has no end. */
function isEnoughOf({ path }: Target['target']): (answer: RawAnswer) => boolean {
  const isStream = /\/(?:stream|output)$|^\/events$/.test(path);
  return ({ status, headers, body }) => {
    if (status !== 200 || !isStream) return false;
    const isEvents = headers.get('content-type')?.startsWith('text/event-stream') === true;
    return !isEvents || body.includes('\n\n');
  };
}
