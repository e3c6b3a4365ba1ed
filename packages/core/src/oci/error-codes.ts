// OCI's error codes, each as what it means for our caller: one table of data, since HTTP statuses alone say too little.

import type { ErrorCode, ErrorText } from '../error-texts.ts';
import type { OciAuth } from './credentials.ts';
import type { OciOperation } from './failure.ts';

export interface OciRefusal {
  readonly code: ErrorCode;
  readonly text: ErrorText;
  /** The end of a sentence that names what could not be done. */
  readonly why: string;
  /** For `SERVICE_UNAVAILABLE`. */
  readonly reason?: string;
}

/**
 * What OCI's own code says, where it says more than the HTTP status; undefined for the others.
 * https://docs.oracle.com/iaas/Content/API/References/apierrors.htm
 */
export function explainOciCode(serviceCode: string | undefined): OciRefusal | undefined {
  return serviceCode !== undefined && Object.hasOwn(byCode, serviceCode)
    ? byCode[serviceCode]
    : undefined;
}

/** What to check when OCI does not accept who signed. */
export const credentialsAdvice: Readonly<Record<OciAuth, string>> = {
  config: "check the user, fingerprint and key of the OCI profile, and this machine's clock",
  session:
    'the session has ended or was revoked; run "oci session authenticate", and check this machine\'s clock',
  instance_principal:
    "OCI does not accept this machine's instance principal, also not with a new token; check its dynamic group, and its clock",
};

const consoleRefused = {
  text: 'VM console not readable',
  why: 'our credentials may not capture it (HTTP 404); let our OCI user "manage console-histories"',
} as const satisfies Omit<OciRefusal, 'code'>;

/** What a 404 means, which OCI also gives for what one may not see. */
export const notFoundAdvice: Readonly<Record<OciOperation, Omit<OciRefusal, 'code'>>> = {
  GetInstance: {
    text: 'VM not found in OCI',
    why: 'OCI finds no such instance that our credentials may read (HTTP 404); check OCI_INSTANCE_ID, the region, and the policy of our OCI user',
  },
  InstanceAction: {
    text: 'VM not found in OCI',
    why: 'OCI finds no such instance that our credentials may change (HTTP 404); check the policy of our OCI user ("use instances" or INSTANCE_POWER_ACTIONS), OCI_INSTANCE_ID and the region',
  },
  ListVnicAttachments: {
    text: 'VM address not readable',
    why: 'our credentials may not list them (HTTP 404); let our OCI user "inspect vnic-attachments", or set SSH_HOST',
  },
  GetVnic: {
    text: 'VM address not readable',
    why: 'our credentials may not read it (HTTP 404); let our OCI user "read vnics", or set SSH_HOST',
  },
  CaptureConsoleHistory: consoleRefused,
  GetConsoleHistory: consoleRefused,
  GetConsoleHistoryContent: consoleRefused,
  DeleteConsoleHistory: consoleRefused,
};

const refused = (text: ErrorText<'INTERNAL_ERROR'>, why: string): OciRefusal => ({
  code: 'INTERNAL_ERROR',
  text,
  why,
});

const unavailable = (
  text: ErrorText<'SERVICE_UNAVAILABLE'>,
  reason: string,
  why: string,
): OciRefusal => ({ code: 'SERVICE_UNAVAILABLE', text, why, reason });

const notAllowed = refused(
  'OCI refused the request',
  'our OCI user is known, but may not do this; check the policies of its groups',
);
const malformed = refused(
  'OCI refused the request',
  "OCI does not understand the request; check OCI_INSTANCE_ID and OCI_ENDPOINT, and the log for OCI's reason",
);

const byCode: Readonly<Record<string, OciRefusal>> = {
  LimitExceeded: refused(
    'OCI limit reached',
    "a service limit of the tenancy is reached; free what counts towards it, or ask Oracle to raise the limit of the instance's shape",
  ),
  QuotaExceeded: refused(
    'OCI limit reached',
    'a quota of the compartment is reached; free what counts towards it, or let an administrator of the tenancy raise the quota',
  ),
  SubscriptionRequired: refused(
    'OCI account not in order',
    'the tenancy has no subscription that covers this; check its subscription and payment in the OCI console',
  ),
  SignUpRequired: refused(
    'OCI account not in order',
    'the tenancy is not signed up for this service; check its subscription in the OCI console',
  ),
  NotAllowed: refused(
    'OCI account not in order',
    'OCI does not allow this to the tenancy, as when it is suspended or its trial has ended; check the account in the OCI console',
  ),
  NotAuthorized: notAllowed,
  InsufficientServicePermissions: notAllowed,
  RelatedResourceNotAuthorizedOrNotFound: refused(
    'OCI refused the request',
    'something that the instance needs (its image, boot volume or subnet) is gone, or our OCI user may not see it; check both in the OCI console',
  ),
  NotAuthorizedOrResourceAlreadyExists: notAllowed,
  ResourceDisabled: refused(
    'OCI refused the request',
    'the instance is disabled in OCI; check the tenancy and the instance in the OCI console',
  ),
  CannotParseRequest: malformed,
  InvalidParameter: malformed,
  MissingParameter: malformed,
  MethodNotAllowed: malformed,
  UnprocessableEntity: malformed,
  MethodNotImplemented: refused(
    'OCI endpoint not supported',
    'what answered does not have this operation; check OCI_ENDPOINT and OCI_REGION',
  ),
  NotImplemented: refused(
    'OCI endpoint not supported',
    'what answered does not have this operation; check OCI_ENDPOINT and OCI_REGION',
  ),
  InvalidatedRetryToken: unavailable(
    'OCI failed',
    'OCI_FAILED',
    'OCI took the request for a repetition of another one, and did not carry it out; try again',
  ),
  ExternalServerIncorrectState: unavailable(
    'OCI failed',
    'OCI_FAILED',
    'a service that OCI needs for it is not in order; try again in a few minutes',
  ),
};
