// Prints an answer of the API as it comes, or throws what it refuses by.

import type { IncomingMessage } from 'node:http';
import { CliError } from '../cli-error.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { type ErrorBody, isErrorBody } from '../json-error.ts';
import { toJson } from '../output/json.ts';
import type { Output } from '../output/output.ts';
import { toOneLine } from '../output/printable.ts';
import { toExitCode } from '../to-failure.ts';

/** `HTTP/1.1 200 OK` and the headers, as `curl -i` shows them. */
export function toHead({
  httpVersion,
  statusCode,
  statusMessage,
  rawHeaders,
}: IncomingMessage): string {
  const lines = [`HTTP/${httpVersion} ${statusCode} ${statusMessage}`];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  }
  return `${lines.map(toOneLine).join('\n')}\n\n`;
}

/** JSON is laid out for a person at a terminal; all else, and all for a program, is passed on byte for byte while it comes. */
export async function printBody(
  answer: IncomingMessage,
  output: Output,
  signal: AbortSignal,
): Promise<void> {
  if (output.isTerminal && isJson(answer)) {
    const text = await readText(answer);
    await output.pass(toPretty(text), signal);
    return;
  }
  for await (const chunk of answer) {
    await output.pass(chunk, signal);
    if (signal.aborted) break;
  }
}

export interface Refusal {
  /** Undefined for what is no `ApiError`, as of a proxy. */
  readonly body: ErrorBody | undefined;
  readonly error: CliError;
}

/** What an answer that is no success says. */
export async function readRefusal(answer: IncomingMessage, base: string): Promise<Refusal> {
  const { statusCode = 0 } = answer;
  const body = isJson(answer) ? parse(await readText(answer)) : undefined;
  answer.resume();
  if (isErrorBody(body)) {
    const exitCode = toExitCode(body.code) ?? toExitOfStatus(statusCode);
    return { body, error: new CliError(exitCode, body.message) };
  }
  const isRedirect = statusCode >= 300 && statusCode < 400;
  const what = isRedirect
    ? `redirects${toTarget(answer.headers.location, base)}, which ondemand does not follow with its token`
    : `answered ${statusCode}, but not as this API does`;
  return { body: undefined, error: new CliError(toExitOfStatus(statusCode), `${base} ${what}`) };
}

function toTarget(location: string | undefined, base: string): string {
  if (location === undefined || !URL.canParse(location, base)) return '';
  const { origin, pathname } = new URL(location, base);
  return ` to ${origin}${pathname}`;
}

function toExitOfStatus(status: number): ExitCode {
  if (status === 401 || status === 403) return exitCodes.denied;
  if (status === 404) return exitCodes.notFound;
  if (status === 409) return exitCodes.conflict;
  return status === 429 || status >= 502 ? exitCodes.unavailable : exitCodes.failed;
}

function isJson({ headers }: IncomingMessage): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\b/i.test(headers['content-type'] ?? '');
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function toPretty(text: string): string {
  const value = parse(text);
  return value === undefined ? text : toJson(value, { indent: true });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
