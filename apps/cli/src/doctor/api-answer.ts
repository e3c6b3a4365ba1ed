// What answers at the URL: the API itself or something before it, the time by its clock, and its version.

import type { IncomingMessage } from 'node:http';
import { sendRequest } from '../http-fetch.ts';
import { toApiKey } from '../login/login-file-format.ts';
import { version } from '../version.ts';
import { startDeadline } from '../wait/deadline.ts';
import type { Report } from './check.ts';

/** What it says of the tokens that it takes. */
export interface ApiMetadata {
  readonly issuers: readonly string[];
  readonly audience: string | undefined;
}

/** Undefined where it is not the API that answers. */
export async function checkApi(
  url: string,
  report: Report,
  { signal, now = Date.now }: { readonly signal: AbortSignal; readonly now?: () => number },
): Promise<ApiMetadata | undefined> {
  const base = toApiKey(url);
  let answer: Answer;
  try {
    answer = await get(`${base}/.well-known/oauth-protected-resource`, signal);
  } catch (error) {
    signal.throwIfAborted();
    const code = error instanceof Error && 'code' in error ? ` (${error.code})` : '';
    report.failed(
      'proxy',
      `${base} takes connections and gives no answer${code}; what listens there may ${url.startsWith('https:') ? '' : 'speak https alone, or '}be a proxy whose API does not run`,
      'ondemand-server --check, on the machine of the API',
    );
    return undefined;
  }
  const metadata = toMetadata(answer);
  if (metadata === undefined) {
    report.failed('proxy', `${base} ${describe(answer)}`, `curl -i ${base}/healthz`, {
      status: answer.status,
      ...(answer.server !== undefined && { server: answer.server }),
    });
    return undefined;
  }
  report.ok('proxy', `What answers at ${base} is the API itself`);
  checkClock(answer, report, now());
  await checkVersion(base, report, signal);
  return metadata;
}

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly server: string | undefined;
  readonly date: string | undefined;
  readonly text: string;
}

async function get(url: string, signal: AbortSignal): Promise<Answer> {
  using deadline = startDeadline(timeoutMs, signal);
  const load = async () => {
    const headers = { accept: 'application/json' };
    const response = await sendRequest(url, { method: 'GET', headers, signal: deadline.signal });
    const { statusCode = 0, headers: found } = response;
    const { location, server, date } = found;
    const its = server === undefined ? undefined : String(server);
    return { status: statusCode, location, server: its, date, text: await readText(response) };
  };
  return deadline.bound(load());
}

const timeoutMs = 15_000;
const maxBytes = 4 * 1024 * 1024;

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += (chunk as Buffer).length; // no encoding is set
    if (size > maxBytes) break;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** RFC 9728's document, which every version of the API has. */
function toMetadata({ status, text }: Answer): ApiMetadata | undefined {
  const document = status === 200 ? parseJson(text) : undefined;
  const { authorization_servers: issuers, audience } = Object(document) as Record<string, unknown>; // whatever it is
  if (!Array.isArray(issuers)) return undefined;
  return {
    issuers: issuers.map(String),
    audience: typeof audience === 'string' ? audience : undefined,
  };
}

/** What it is that answers, as the end of a sentence. */
function describe({ status, location, text }: Answer): string {
  const host =
    location !== undefined && URL.canParse(location) ? ` to ${new URL(location).origin}` : '';
  if (status >= 300 && status < 400)
    return `redirects${host} (HTTP ${status}), as a proxy with a login of its own does; let it pass calls with a bearer token on, or give the URL of the API itself`;
  if (status === 502 || status === 503 || status === 504)
    return `is a proxy that does not reach the API (HTTP ${status}); see that the API runs, and where the proxy leads`;
  if (status === 400 && /https/i.test(text))
    return `speaks https alone (HTTP ${status}); give the URL with https://`;
  if (status === 401 || status === 403)
    return `refuses a page that needs no token (HTTP ${status}), so a proxy before the API wants a login of its own`;
  if (status === 404)
    return `has no such page (HTTP ${status}), so another program answers, or the API is below another path; check the URL`;
  return `answers (HTTP ${status}), but not as this API does; check the URL and what is before it`;
}

function checkClock({ date }: Answer, report: Report, nowMs: number): void {
  const itsMs = Date.parse(date ?? '');
  if (!Number.isFinite(itsMs)) {
    report.skipped('cli-clock', 'The API did not tell its time');
    return;
  }
  const offsetSeconds = Math.round((itsMs - nowMs) / 1000);
  if (Math.abs(offsetSeconds) <= maxOffsetSeconds) {
    report.ok('cli-clock', "This machine's clock agrees with that of the API", { offsetSeconds });
    return;
  }
  const amount = Math.abs(offsetSeconds);
  const difference = amount < 120 ? `${amount} s` : `${Math.round(amount / 60)} minutes`;
  report.failed(
    'cli-clock',
    `This machine's clock is ${difference} ${offsetSeconds > 0 ? 'behind' : 'ahead of'} that of the API, so times are shown wrongly and a login may be renewed too late; set the one that is wrong, and let NTP keep it`,
    'timedatectl',
    { offsetSeconds },
  );
}

/** As much as tokens may be off. */
const maxOffsetSeconds = 30;

async function checkVersion(base: string, report: Report, signal: AbortSignal): Promise<void> {
  const name = 'api-version';
  const document = await get(`${base}/openapi.json`, signal).then(
    ({ text }) => parseJson(text),
    () => undefined,
  );
  signal.throwIfAborted();
  const { info } = Object(document) as Record<string, unknown>; // whatever it is
  const { version: its } = Object(info) as Record<string, unknown>;
  if (typeof its !== 'string' || !/^\d+\.\d+/.test(its)) {
    report.skipped(name, 'The API does not tell its version');
    return;
  }
  const details = { api: its, cli: version };
  const [ours, theirs] = [version, its].map(toNumbers);
  if (ours?.[0] !== theirs?.[0]) {
    report.failed(
      name,
      `The API is ${its} and this ondemand ${version}, which do not fit together; install the ondemand of the API's release`,
      'ondemand version',
      details,
    );
    return;
  }
  const difference = compare(theirs ?? [], ours ?? []);
  const age =
    difference === 0 ? 'the same release as' : difference < 0 ? 'older than' : 'newer than';
  report.ok(
    name,
    `The API is ${its}, ${age} this ondemand${difference === 0 ? '' : ` (${version})`}`,
    details,
  );
}

function toNumbers(text: string): readonly number[] {
  return text.split('.').map((part) => Number.parseInt(part, 10));
}

function compare(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((number, at) => number !== b[at]);
  return index < 0 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
