// `ondemand api`: any operation of the API, by its method and path.

import type { IncomingMessage } from 'node:http';
import { OnDemandError } from '@ondemand/client';
import { printBody, readRefusal, toHead } from '../api-call/answer.ts';
import {
  type Pair,
  parseField,
  parseHeader,
  type RawRequest,
  toRawRequest,
  toRequestUrl,
} from '../api-call/request.ts';
import { CliError } from '../cli-error.ts';
import type { Context } from '../command-context.ts';
import { defineCommand, type Valued } from '../command-line/command.ts';
import { flag } from '../command-line/options.ts';
import { readStdin } from '../command-line/read-stdin.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type RequestInit, sendRequest } from '../http-fetch.ts';
import { toExit } from '../watch/follow.ts';

export const api = defineCommand({
  description: `Call any operation of the API with this login, and print its answer as it comes: JSON, text, or the
events of a stream until Ctrl-C. An error is printed on stderr as the API's own JSON, and ends with
the exit code that it has everywhere. Redirects are not followed. The operations are at /docs.`,
  operands: { arity: 'two', label: 'METHOD PATH', from: ['GET', 'POST', 'DELETE'], isOpen: true },
  options: {
    data: text('JSON', 'The body'),
    input: text('FILE', 'The body from FILE, as it is; - is stdin'),
    field: list('KEY=VALUE', 'A member of the body, or of the query of a GET; may be repeated', {
      short: 'f',
      parse: parseField,
    }),
    header: list('HEADER', "Such as 'Prefer: respond-async'; may be repeated", {
      short: 'H',
      parse: parseHeader,
    }),
    include: flag('Print the status and the headers first', 'i'),
  },
  examples: [
    'ondemand api GET /vm/status',
    'ondemand api GET /containers/nginx/logs -f lines=20 -H accept:text/plain',
    'ondemand api POST /vm/leases -f minutes=30 -f reason=backup',
    'ondemand api GET /events',
  ],
  async run(context, { options, operands: [method, path] }) {
    const { output, signal } = context;
    const request = await toRawRequest({ method, path, ...options }, () =>
      readStdin(context.stdin, signal),
    );
    const { url: base, token } = await context.connectFrom();
    const url = toRequestUrl(base, request.path);
    const until = AbortSignal.any([signal, output.unread]);
    try {
      const answer = await send(context, { url, base, token, request, signal: until });
      if (options.include) await output.pass(toHead(answer), until);
      const { statusCode = 0 } = answer;
      if (statusCode < 200 || statusCode >= 300) return await fail(context, answer, base);
      await printBody(answer, output, until);
    } catch (error) {
      const isTold = error instanceof CliError || error instanceof OnDemandError;
      if (!until.aborted) throw isTold ? error : toLost(error, base);
    }
    return toExit(output, signal);
  },
});

function text(placeholder: string, summary: string): Valued<string | undefined> {
  return { kind: 'value', placeholder, summary, fallback: undefined, parse: (value) => value };
}

function list(
  placeholder: string,
  summary: string,
  { short, parse }: { readonly short: string; readonly parse: (text: string) => readonly Pair[] },
): Valued<readonly Pair[]> {
  return { kind: 'value', short, placeholder, summary, isList: true, fallback: [], parse };
}

interface Sending extends Pick<RequestInit, 'signal'> {
  readonly url: string;
  readonly base: string;
  readonly token: Awaited<ReturnType<Context['connectFrom']>>['token'];
  readonly request: RawRequest;
}

/** Once more with another token, where there is one, after a 401: nothing was done then. */
async function send({ output }: Context, { url, base, token, request, signal }: Sending) {
  using _spinner = output.spin(`Waiting for ${base}`);
  const { method, headers, body } = request;
  const sendWith = (accessToken: string) => {
    requireSendable(accessToken);
    const all = { ...headers, authorization: `Bearer ${accessToken}` };
    return sendRequest(url, { method, headers: all, body, signal });
  };
  const first = await token();
  const answer = await sendWith(first);
  if (answer.statusCode !== 401) return answer;
  const second = await token({ refused: first });
  if (second === first) return answer;
  answer.resume();
  return sendWith(second);
}

/** As the client does for all other calls: to `node:http` it would be a failure of the connection. */
function requireSendable(accessToken: string): void {
  if (!/[^\x21-\x7e]/.test(accessToken)) return;
  throw new OnDemandError(
    'TOKEN_ERROR',
    'The token has a space, a line break or another character that a token cannot have; give it bare, without "Bearer"',
  );
}

async function fail({ output }: Context, answer: IncomingMessage, base: string): Promise<ExitCode> {
  const { body, error } = await readRefusal(answer, base);
  if (body === undefined) throw error;
  output.tell(`${JSON.stringify(body)}\n`);
  return error.exitCode;
}

function toLost(cause: unknown, base: string): CliError {
  const code = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '';
  return new CliError(
    exitCodes.unavailable,
    `${base} could not be reached, or the connection broke${code}; ONDEMAND_URL, --url or the context says where the API is`,
    { cause },
  );
}
