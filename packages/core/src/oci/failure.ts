// Failures of requests to OCI, as data: the transport reports them, other files interpret them.

import type { OciAuth } from './credentials.ts';

/** The operations that we send, by OCI's own names. */
export type OciOperation =
  | 'GetInstance'
  | 'ListVnicAttachments'
  | 'GetVnic'
  | 'InstanceAction'
  | 'CaptureConsoleHistory'
  | 'GetConsoleHistory'
  | 'GetConsoleHistoryContent'
  | 'DeleteConsoleHistory';

export type OciFailure =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** OCI's own code, e.g. `NotAuthorizedOrNotFound`. */
      readonly serviceCode?: string | undefined;
      /** OCI's words: for the log and for judging, never for a caller. */
      readonly serviceMessage?: string | undefined;
      readonly requestId?: string | undefined;
      readonly retryAfterSeconds?: number | undefined;
      /** Whose credentials signed the request. */
      readonly signedBy?: OciAuth | undefined;
    }
  | {
      readonly kind: 'network';
      /** The system's or TLS's code, e.g. `ECONNREFUSED`. */
      readonly code: string | undefined;
      /** False when it is certain that OCI never saw the request. */
      readonly sent: boolean;
    }
  | { readonly kind: 'timeout'; readonly timeoutMs: number; readonly sent: boolean }
  /** A success whose body is not what OCI documents. */
  | { readonly kind: 'unreadable'; readonly status: number };

/** A failed request; its message is for the log. */
export class OciRequestError extends Error {
  override readonly name = 'OciRequestError';
  readonly failure: OciFailure;

  constructor(failure: OciFailure, options?: { readonly cause?: unknown }) {
    super(describe(failure), options);
    this.failure = failure;
  }
}

function describe(failure: OciFailure): string {
  switch (failure.kind) {
    case 'answer':
      return `OCI answered ${failure.status} ${failure.serviceCode ?? ''}: ${failure.serviceMessage ?? 'no message'} (opc-request-id ${failure.requestId ?? 'none'})`;
    case 'network':
      return `The request to OCI failed: ${failure.code ?? 'no code'}`;
    case 'timeout':
      return `OCI did not answer within ${failure.timeoutMs} ms`;
    case 'unreadable':
      return `OCI answered ${failure.status} with a body that is not what its API documents`;
  }
}
