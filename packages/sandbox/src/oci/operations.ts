// The operations of Compute and VirtualNetwork that the sandbox knows, one table: path, name, answer.

import type { Faults } from '../faults.ts';
import type { World } from '../instance-state.ts';
import { noEtagMatch, notFound, type OciAnswer, OciError } from './answers.ts';
import type { ConsoleHistories } from './console-histories.ts';
import { instanceActions, type Lifecycle } from './lifecycle.ts';
import type { SerialConsole } from './serial-console.ts';
import { toInstance, toVnic, toVnicAttachments } from './to-oci-json.ts';

export interface OciCall {
  /** The last identifier in the path; empty where there is none. */
  readonly id: string;
  readonly query: URLSearchParams;
  readonly ifMatch: string | undefined;
  readonly body: Buffer;
}

/** Named as in Oracle's reference: https://docs.oracle.com/iaas/api/#/en/iaas/20160918/ */
export interface OciOperation {
  readonly name: string;
  readonly method: string;
  /** Against the path after `/20160918`; its first group is the call's `id`. */
  readonly path: RegExp;
  /** Throws `OciError`. */
  readonly run: (call: OciCall) => OciAnswer;
}

export interface OciParts {
  readonly world: World;
  readonly faults: Faults;
  readonly lifecycle: Lifecycle;
  readonly histories: ConsoleHistories;
  readonly serialConsole: SerialConsole;
}

export function createOperations(parts: OciParts): readonly OciOperation[] {
  const { world, faults, histories, serialConsole } = parts;
  return [
    {
      name: 'GetInstance',
      method: 'GET',
      path: /^\/instances\/([^/]+)$/,
      run: ({ id }) => {
        requireThat(id === world.instance.id);
        return answerInstance(world, faults);
      },
    },
    {
      name: 'InstanceAction',
      method: 'POST',
      path: /^\/instances\/([^/]+)$/,
      run: (call) => runInstanceAction(call, parts),
    },
    {
      name: 'ListVnicAttachments',
      method: 'GET',
      path: /^\/vnicAttachments$/,
      run: ({ query }) => {
        requireThat(requireParameter(query, 'compartmentId') === world.instance.compartmentId);
        const instanceId = query.get('instanceId');
        const matches = instanceId === null || instanceId === world.instance.id;
        return { status: 200, body: matches ? toVnicAttachments(world) : [] };
      },
    },
    {
      name: 'GetVnic',
      method: 'GET',
      path: /^\/vnics\/([^/]+)$/,
      run: ({ id }) => {
        requireThat(id === world.instance.vnicId);
        return { status: 200, headers: { etag: world.instance.etag }, body: toVnic(world) };
      },
    },
    {
      name: 'CaptureConsoleHistory',
      method: 'POST',
      path: /^\/instanceConsoleHistories$/,
      run: ({ body }) => {
        requireThat(parseInstanceId(body) === world.instance.id);
        return { status: 200, body: histories.capture(serialConsole.text) };
      },
    },
    {
      name: 'ListConsoleHistories',
      method: 'GET',
      path: /^\/instanceConsoleHistories$/,
      run: ({ query }) => {
        requireThat(requireParameter(query, 'compartmentId') === world.instance.compartmentId);
        return { status: 200, body: histories.list() };
      },
    },
    {
      name: 'GetConsoleHistory',
      method: 'GET',
      path: /^\/instanceConsoleHistories\/([^/]+)$/,
      run: ({ id }) => ({
        status: 200,
        body: histories.advance(
          id,
          faults.oci.consoleHistoryFails === true ? 'FAILED' : 'SUCCEEDED',
        ),
      }),
    },
    {
      name: 'GetConsoleHistoryContent',
      method: 'GET',
      path: /^\/instanceConsoleHistories\/([^/]+)\/data$/,
      run: ({ id, query }) => answerContent(Buffer.from(histories.read(id)), query),
    },
    {
      name: 'DeleteConsoleHistory',
      method: 'DELETE',
      path: /^\/instanceConsoleHistories\/([^/]+)$/,
      run: ({ id }) => {
        histories.remove(id);
        return { status: 204 };
      },
    },
  ];
}

function runInstanceAction(call: OciCall, { world, faults, lifecycle }: OciParts): OciAnswer {
  requireThat(call.id === world.instance.id);
  const name = requireParameter(call.query, 'action');
  const action = instanceActions.find((known) => known === name);
  if (action === undefined) throw invalidParameter(`Unknown action '${name}'.`);
  const { etag, lifecycleState } = world.instance;
  if (call.ifMatch !== undefined && call.ifMatch !== etag) throw noEtagMatch();
  const indulgent = faults.oci.runningStart === 'ok';
  const isNoop = indulgent && action === 'START' && lifecycleState === 'RUNNING';
  if (!isNoop) lifecycle.act(action);
  return answerInstance(world, faults);
}

function answerInstance(world: World, { oci }: Faults): OciAnswer {
  const headers = oci.withoutEtag === true ? {} : { etag: world.instance.etag };
  return { status: 200, headers, body: toInstance(world) };
}

function answerContent(content: Buffer, query: URLSearchParams): OciAnswer {
  const offset = toCount(query.get('offset') ?? '0');
  const length = toCount(query.get('length') ?? '10240');
  const end = Math.min(content.length, offset + length);
  return {
    status: 200,
    headers: { 'opc-bytes-remaining': String(Math.max(0, content.length - end)) },
    body: content.subarray(offset, end).toString('utf8'),
  };
}

function parseInstanceId(body: Buffer): unknown {
  let details: unknown;
  try {
    details = JSON.parse(body.toString('utf8'));
  } catch {
    throw new OciError(400, 'CannotParseRequest', 'The request is incorrectly formatted.');
  }
  if (typeof details !== 'object' || details === null || !('instanceId' in details)) {
    throw new OciError(400, 'MissingParameter', 'The parameter instanceId is required.');
  }
  return details.instanceId;
}

function requireParameter(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null) {
    throw new OciError(400, 'MissingParameter', `The parameter ${name} is required.`);
  }
  return value;
}

function toCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw invalidParameter(`'${text}' is not a count of bytes.`);
  return Number(text);
}

function requireThat(exists: boolean): void {
  if (!exists) throw notFound();
}

function invalidParameter(message: string): OciError {
  return new OciError(400, 'InvalidParameter', message);
}
