// Answers queries and mutations in tRPC's form without its adapter, which dresses each request and answer for Fetch and holds a long text several times.

import type { FastifyReply, FastifyRequest, preHandlerHookHandler } from 'fastify';
import { toErrorResponse } from '../http/api-error.ts';
import { logError } from '../http/error-handlers.ts';
import { appRouter } from '../procedures/app-router.ts';
import { type Context, toTrpcErrorShape } from '../procedures/base.ts';
import { type ListedProcedure, listProcedures } from '../procedures/procedure-list.ts';
import { collectLongText, toJsonPieces, toTextStream } from '../rest/send-long-text.ts';
import { isBatch, toProcedurePath } from './batch.ts';
import type { TrpcOptions } from './plugin.ts';

/** A `preHandler` of tRPC's own route, after its subscriptions. Leaves to the adapter whatever it would refuse before a call, and what asks for another form of answer. */
export function createTrpcCalls({ createContext }: TrpcOptions): preHandlerHookHandler {
  const procedures = new Map(listProcedures(appRouter).map((each) => [each.path, each]));

  return (request, reply, done) => {
    const calls = toCalls(request, procedures);
    if (calls === undefined) done();
    else answer(calls, createContext(request, reply), { request, reply }).catch(done);
  };
}

interface Call {
  readonly procedure: ListedProcedure;
  readonly input: unknown;
}

interface Calls {
  readonly list: readonly Call[];
  readonly isBatch: boolean;
}

/** Undefined for what is not ours to answer. */
function toCalls(
  request: FastifyRequest,
  procedures: ReadonlyMap<string, ListedProcedure>,
): Calls | undefined {
  const { method, headers } = request;
  const type = { GET: 'query', POST: 'mutation' }[method];
  if (type === undefined || !isJson(headers['content-type']) || wantsLines(request))
    return undefined;
  const isBatched = isBatch(request);
  const path = toProcedurePath(request);
  const named = (isBatched ? path.split(',') : [path]).map((name) => procedures.get(name));
  const found = named.filter((each) => each?.type === type) as ListedProcedure[]; // those that are there
  if (found.length < named.length) return undefined;
  const inputs = readInputs(request, isBatched);
  if (inputs === undefined) return undefined;
  const list = found.map((procedure, index) => ({ procedure, input: inputs[index] }));
  return { list, isBatch: isBatched };
}

function isJson(contentType = ''): boolean {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() === 'application/json';
}

/** An answer line by line, as each call ends. */
function wantsLines({ headers }: FastifyRequest): boolean {
  return headers['trpc-accept'] !== undefined || /application\/jsonl/.test(headers.accept ?? '');
}

/** By the index of the call; undefined where tRPC's adapter would refuse them. */
function readInputs(
  { raw: { url = '' }, method, body }: FastifyRequest,
  isBatched: boolean,
): Readonly<Record<number, unknown>> | undefined {
  const query = url.includes('?') ? new URL(url, 'http://localhost').searchParams : undefined;
  if (query?.has('connectionParams')) return undefined;
  const text = method === 'GET' ? query?.get('input') : body;
  if (text === undefined || text === null || text === '') return {};
  if (typeof text !== 'string') return undefined;
  try {
    const given: unknown = JSON.parse(text);
    if (!isBatched) return { 0: given };
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
    return { ...given };
  } catch {
    return undefined;
  }
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function answer(
  { list, isBatch }: Calls,
  context: Context,
  { request, reply }: Exchange,
): Promise<void> {
  const answers = await Promise.all(
    list.map((call) =>
      run(call, { context, request }).catch((error) => refuse(error, call, { context, request })),
    ),
  );
  const statuses = new Set(answers.map(({ status }) => status));
  const [status = 200, ...others] = statuses;
  const { applied } = context.preferences;
  reply
    .code(others.length > 0 ? 207 : status)
    .header('vary', 'trpc-accept, accept')
    .header('content-type', 'application/json')
    .headers(Object.assign({}, ...answers.map(({ headers }) => headers)));
  if (applied !== undefined) reply.header('preference-applied', applied);
  const pieces = isBatch ? toList(answers) : (answers[0]?.json ?? []);
  const isLong = answers.some((each) => each.isLong);
  reply.send(
    isLong ? toTextStream(pieces, request.server.takeTurn) : Buffer.from([...pieces].join('')), // to a text Fastify would add a charset, which the adapter does not name
  );
}

interface Caller {
  readonly context: Context;
  readonly request: FastifyRequest;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json: Iterable<string>;
  /** It is made while it is sent. */
  readonly isLong?: boolean;
}

async function run({ procedure, input }: Call, { context, request }: Caller): Promise<Answer> {
  const { textField } = procedure.meta;
  if (textField === undefined)
    return toSuccess([JSON.stringify({ data: await procedure.call(context, input) })]);
  const { longText, taken } = collectLongText(request, context.longText.maxBytes);
  const output = await procedure.call({ ...context, longText }, input);
  const text = taken();
  if (text === undefined) return toSuccess([JSON.stringify({ data: output })]);
  const { [textField]: _, ...fields } = output as Readonly<Record<string, unknown>>; // an operation with a text field answers with an object
  const json = toJsonPieces(JSON.stringify(fields), textField, text.pieces());
  return { ...toSuccess(within('{"data":', json, '}')), isLong: text.bytes > smallText };
}

const smallText = 64 * 1024;

function toSuccess(result: Iterable<string>): Answer {
  return { status: 200, json: within('{"result":', result, '}') };
}

function refuse(error: unknown, { procedure }: Call, { context, request }: Caller): Answer {
  const { status, headers, body } = toErrorResponse(error, context);
  logError(request, error, status);
  const shape = toTrpcErrorShape(status, body, procedure.path);
  return { status, headers, json: [JSON.stringify({ error: shape })] };
}

function* within(before: string, pieces: Iterable<string>, after: string): Generator<string> {
  yield before;
  yield* pieces;
  yield after;
}

function* toList(answers: readonly Answer[]): Generator<string> {
  for (const [index, { json }] of answers.entries()) {
    yield index === 0 ? '[' : ',';
    yield* json;
  }
  yield ']';
}
