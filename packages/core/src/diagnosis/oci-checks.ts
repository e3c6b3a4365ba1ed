// OCI's part of a diagnosis: whether it answers, knows us, has the instance, and tells its address.

import type { Compute, Instance } from '../adapter-ports.ts';
import { AppError, isAppError } from '../app-error.ts';
import { isBilledWhileStopped } from '../model/billing.ts';
import { type LifecycleState, transitionTexts, vmId } from '../model/vm.ts';
import type { DiagnosisSettings } from './diagnosis.ts';
import { toOciLayer } from './failed-layer.ts';
import type { Findings } from './findings.ts';
import type { Within } from './part-deadline.ts';

export interface OciCheckContext {
  readonly compute: Compute;
  readonly settings: DiagnosisSettings;
  readonly findings: Findings;
  readonly within: Within;
}

export interface OciOutcome {
  /** Undefined where OCI does not say. */
  readonly lifecycleState: LifecycleState | undefined;
  /** Where to connect to, as far as OCI or the configuration says. */
  readonly host: string | undefined;
}

export async function checkOci(context: OciCheckContext): Promise<OciOutcome> {
  const { compute, settings, findings, within } = context;
  let instance: Instance;
  try {
    instance = await within('OCI', (signal) => compute.getInstance({ signal }));
  } catch (error) {
    failInstance(findings, error);
    const { sshHost } = settings;
    if (sshHost !== undefined) findings.ok('public-ip', toOwnAddress(sshHost));
    return { lifecycleState: undefined, host: sshHost };
  }
  const { lifecycleState } = instance;
  findings.ok('oci', 'OCI answers');
  findings.ok('oci-key', 'OCI accepts our credentials');
  checkState(findings, instance);
  checkShape(findings, instance.shape);
  return { lifecycleState, host: await checkAddress(context) };
}

function failInstance(findings: Findings, error: unknown): void {
  const layer = toOciLayer(error);
  if (hasNoCredentials(error))
    findings.skipped(['oci'], 'Not asked, as there are no credentials to ask with');
  else if (layer !== 'oci') findings.ok('oci', 'OCI answers');
  if (layer === 'oci-instance' || layer === 'oci-policy')
    findings.ok('oci-key', 'OCI accepts our credentials');
  findings.failed(layer, error);
}

function hasNoCredentials(error: unknown): boolean {
  if (!isAppError(error)) return false;
  const { text, details } = error;
  return text === 'OCI configuration not usable' || details.reason === 'NO_INSTANCE_PRINCIPAL';
}

/** OCI says 404 of most that one may not read. */
function isNotPermitted(error: unknown): boolean {
  if (!isAppError(error)) return false;
  const { text, details } = error;
  return text === 'VM address not readable' || /^NotAuthorized/.test(String(details.ociCode));
}

function checkState(findings: Findings, { lifecycleState, displayName }: Instance): void {
  if (lifecycleState !== 'TERMINATED' && lifecycleState !== 'TERMINATING') {
    findings.ok(
      'oci-instance',
      `OCI has the instance '${displayName}', which is ${lifecycleState}`,
      {
        lifecycleState,
      },
    );
    return;
  }
  findings.failed(
    'oci-instance',
    new AppError(
      'SERVICE_UNAVAILABLE',
      `${transitionTexts[lifecycleState]}: ${vmId} is ${lifecycleState} and does not come back; point OCI_INSTANCE_ID at another instance`,
      { details: { lifecycleState } },
    ),
  );
}

function checkShape(findings: Findings, shape: string | undefined): void {
  if (shape === undefined) {
    findings.skipped(['shape'], 'OCI does not name the shape of the instance');
    return;
  }
  const billedWhileStopped = isBilledWhileStopped(shape);
  findings.ok(
    'shape',
    billedWhileStopped
      ? `${shape} is billed while it is stopped too, so stopping it saves nothing; only an instance of another shape does`
      : `${shape} costs no compute while it is stopped`,
    { shape, billedWhileStopped },
  );
}

/** Where SSH_HOST is set, OCI need not tell the address. */
async function checkAddress({
  compute,
  settings: { sshHost },
  findings,
  within,
}: OciCheckContext): Promise<string | undefined> {
  try {
    const ip = await within("OCI's network service", (signal) => compute.getPublicIp({ signal }));
    findings.ok(
      'oci-policy',
      'Our OCI user may read the instance and its network cards; whether it may start and stop it (INSTANCE_POWER_ACTIONS) shows when it does',
    );
    if (sshHost !== undefined) findings.ok('public-ip', toOwnAddress(sshHost), { ip });
    else if (ip !== undefined) findings.ok('public-ip', `Its public IP is ${ip}`, { ip });
    else findings.failed('public-ip', noPublicIp());
    return sshHost ?? ip;
  } catch (error) {
    const layer = toOciLayer(error);
    if (sshHost === undefined) {
      findings.failed(layer, error);
      return undefined;
    }
    if (isNotPermitted(error))
      findings.ok(
        'oci-policy',
        'Our OCI user may read the instance; its network cards it may not, for which SSH_HOST stands in',
      );
    else if (layer === 'oci' && isAppError(error))
      findings.skipped(
        ['oci-policy'],
        `Not known of its network cards, for which SSH_HOST stands in: ${error.message}`,
      );
    else findings.failed(layer, error);
    findings.ok('public-ip', toOwnAddress(sshHost));
    return sshHost;
  }
}

function toOwnAddress(sshHost: string): string {
  return `SSH_HOST is set to ${sshHost}, and used in place of the public IP`;
}

/** Also what a connection fails with that finds no address. */
export function noPublicIp(): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${vmId} has no public IP to connect to; give it one, or set SSH_HOST`,
    { text: 'VM has no public IP', details: { reason: 'NO_PUBLIC_IP' } },
  );
}
