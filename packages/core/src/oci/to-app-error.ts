// Converts OCI's refusals and timeouts to an `AppError`, by one table.

import { AppError } from '../app-error.ts';
import type { ErrorCode, ErrorText } from '../error-texts.ts';
import { vmId } from '../model/vm.ts';
import { credentialsAdvice, explainOciCode, notFoundAdvice } from './error-codes.ts';
import type { OciFailure, OciOperation } from './failure.ts';

interface Verdict {
  readonly code: ErrorCode;
  readonly text: ErrorText;
  /** What went wrong and what to do, as the end of a sentence that names the operation. */
  readonly why: string;
  readonly details?: Record<string, unknown>;
}

/**
 * Judges a failed request. `CONFLICT`, of an action alone: the instance changed since it was read, or refuses in its state. `INTERNAL_ERROR`: our credentials, instance id, policy or request were refused.
 * `SERVICE_UNAVAILABLE`: OCI is out of reach, throttling (`details.retryAfterSeconds`), failing, or out of hosts (`details.reason` is `OUT_OF_CAPACITY`).
 * The failure is kept as `cause`; none of OCI's own words are in the message. https://docs.oracle.com/iaas/Content/API/References/apierrors.htm
 */
export function toAppError(
  failure: OciFailure,
  operation: OciOperation,
  cause?: unknown,
): AppError {
  const { code, text, why, details } = toVerdict(failure, operation);
  return new AppError(code, `Could not ${deeds[operation]}: ${why}`, {
    text,
    details: details ?? {},
    cause,
  });
}

const deeds: Record<OciOperation, string> = {
  GetInstance: `ask OCI about ${vmId}`,
  ListVnicAttachments: `ask OCI for the network cards of ${vmId}`,
  GetVnic: `ask OCI for the address of ${vmId}`,
  InstanceAction: `change the power state of ${vmId}`,
  CaptureConsoleHistory: `have OCI capture the serial console of ${vmId}`,
  GetConsoleHistory: `ask OCI about the captured console of ${vmId}`,
  GetConsoleHistoryContent: `read the captured console of ${vmId}`,
  DeleteConsoleHistory: `delete the captured console of ${vmId}`,
};

/** OCI gives no hint how long to wait in most of its answers. */
const defaultRetryAfterSeconds = 5;

function toVerdict(failure: OciFailure, operation: OciOperation): Verdict {
  switch (failure.kind) {
    case 'answer': {
      const verdict = toAnswerVerdict(failure, operation);
      const { serviceCode: ociCode } = failure;
      // OCI's codes are names; what else may stand there is for the log.
      const isName = ociCode !== undefined && /^[A-Za-z]{1,64}$/.test(ociCode);
      return isName ? { ...verdict, details: { ...verdict.details, ociCode } } : verdict;
    }
    case 'network':
      return toNetworkVerdict(failure.code);
    case 'timeout':
      return unavailable(
        'OCI not reachable',
        `OCI gave no answer within ${Math.ceil(failure.timeoutMs / 100) / 10} s; try again, and check that this machine reaches OCI`,
        { reason: 'TIMEOUT' },
      );
    case 'unreadable':
      return unavailable(
        'OCI not reachable',
        `what answered (HTTP ${failure.status}) does not speak OCI's API; check OCI_ENDPOINT, OCI_REGION and any proxy in between`,
        { reason: 'UNREADABLE_ANSWER' },
      );
  }
}

function toAnswerVerdict(
  answer: Extract<OciFailure, { kind: 'answer' }>,
  operation: OciOperation,
): Verdict {
  const { status, retryAfterSeconds } = answer;
  if (isOutOfCapacity(answer)) {
    return unavailable(
      'OCI out of capacity',
      'OCI is out of capacity: it has no free host of its shape right now, so it cannot be started; try again in a few minutes',
      { reason: 'OUT_OF_CAPACITY', retryAfterSeconds: retryAfterSeconds ?? 300 },
    );
  }
  const known = status < 400 ? undefined : explainOciCode(answer.serviceCode);
  if (known !== undefined) {
    const { reason, ...verdict } = known;
    const why = `${verdict.why} (HTTP ${status})`;
    if (reason === undefined) return { ...verdict, why };
    const wait = retryAfterSeconds ?? defaultRetryAfterSeconds;
    return { ...verdict, why, details: { reason, retryAfterSeconds: wait } };
  }
  if (status === 401) {
    return {
      code: 'INTERNAL_ERROR',
      text: 'OCI refused our credentials',
      why: `OCI refused our credentials (HTTP ${status}); ${credentialsAdvice[answer.signedBy ?? 'config']}`,
    };
  }
  if (status === 402) {
    return {
      code: 'INTERNAL_ERROR',
      text: 'OCI account not in order',
      why: `the tenancy's subscription does not cover it (HTTP ${status}); check it in the OCI console`,
    };
  }
  if (status === 403) {
    return {
      code: 'INTERNAL_ERROR',
      text: 'OCI refused the request',
      why: `OCI does not allow it (HTTP ${status}); check the policy of our OCI user, and the state of the tenancy in the OCI console`,
    };
  }
  if (status === 404) return { code: 'INTERNAL_ERROR', ...notFoundAdvice[operation] };
  if (status === 501) {
    return {
      code: 'INTERNAL_ERROR',
      text: 'OCI endpoint not supported',
      why: `what answered does not have this operation (HTTP ${status}); check OCI_ENDPOINT and OCI_REGION`,
    };
  }
  if ((status === 409 || status === 412) && operation !== 'InstanceAction') {
    return unavailable(
      'OCI failed',
      `OCI did not answer for now (HTTP ${status}); try again in a moment`,
      {
        reason: 'OCI_FAILED',
      },
    );
  }
  if (status === 409 || status === 412) {
    return {
      code: 'CONFLICT',
      text: 'VM in transition',
      why: `it is being changed by something else or its state does not allow it (HTTP ${status}); look at its state and try again`,
    };
  }
  if (status === 429) {
    return unavailable(
      'OCI throttles requests',
      'OCI throttles our requests (HTTP 429); try again later',
      {
        reason: 'THROTTLED',
        ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      },
    );
  }
  if (status >= 500 || status === 408) {
    return unavailable('OCI failed', `OCI failed (HTTP ${status}); try again in a moment`, {
      reason: 'OCI_FAILED',
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    });
  }
  if (status < 400) {
    return unavailable(
      'OCI not reachable',
      `what answered redirects (HTTP ${status}), which OCI never does; check OCI_ENDPOINT`,
      { reason: 'UNREADABLE_ANSWER' },
    );
  }
  return {
    code: 'INTERNAL_ERROR',
    text: 'OCI refused the request',
    why: `OCI refused our request (HTTP ${status}); check OCI_INSTANCE_ID, and the log for OCI's reason`,
  };
}

function toNetworkVerdict(code: string | undefined): Verdict {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return unavailable(
      'OCI not reachable',
      "OCI's host name did not resolve; check OCI_REGION, OCI_ENDPOINT and DNS",
      {
        reason: 'DNS_FAILED',
      },
    );
  }
  if (isCertificateCode(code)) {
    return unavailable(
      'OCI not reachable',
      "the TLS certificate of what answered was not accepted; check OCI_ENDPOINT, this machine's clock, and NODE_EXTRA_CA_CERTS for a CA of your own",
      { reason: 'TLS_FAILED' },
    );
  }
  return unavailable(
    'OCI not reachable',
    'the connection to OCI failed; try again, and check that this machine reaches OCI',
    { reason: 'OCI_UNREACHABLE' },
  );
}

/** True for the codes that TLS gives for a certificate it does not trust; asking again does not help. */
export function isCertificateCode(code: string | undefined): boolean {
  return (
    code !== undefined &&
    /^ERR_TLS_CERT|CERT_|^CERT|SELF_SIGNED|^UNABLE_TO_(GET|VERIFY)|^HOSTNAME_MISMATCH$/.test(code)
  );
}

/** True for a refusal that says that the action was not carried out, whatever the HTTP status. */
export function isOutOfCapacity(answer: Extract<OciFailure, { kind: 'answer' }>): boolean {
  const { serviceCode = '', serviceMessage = '' } = answer;
  return (
    /^OutOf(Host)?Capacity$/.test(serviceCode) || /out of (host )?capacity/i.test(serviceMessage)
  );
}

function unavailable(
  text: ErrorText<'SERVICE_UNAVAILABLE'>,
  why: string,
  details: Record<string, unknown>,
): Verdict {
  return {
    code: 'SERVICE_UNAVAILABLE',
    text,
    why,
    details: { retryAfterSeconds: defaultRetryAfterSeconds, ...details },
  };
}

/** True for a 5xx that says that nothing was done. */
export function isNotImplemented({
  status,
  serviceCode = '',
}: Extract<OciFailure, { kind: 'answer' }>): boolean {
  return status === 501 || /^(Method)?NotImplemented$/.test(serviceCode);
}
