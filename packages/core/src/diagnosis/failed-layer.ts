// Which layer a failure belongs to: pure, by the error's own facts.

import { isAppError } from '../app-error.ts';
import type { CheckName } from '../model/diagnosis.ts';

export type OciCheck = 'oci' | 'oci-key' | 'oci-instance' | 'oci-policy';
export type SshCheck = 'tcp' | 'ssh-handshake' | 'host-key' | 'login';

/** Of a question to OCI about the instance. */
export function toOciLayer(error: unknown): OciCheck {
  if (!isAppError(error)) return 'oci';
  if (error.details.reason === 'NO_INSTANCE_PRINCIPAL') return 'oci-key';
  switch (error.text) {
    case 'OCI configuration not usable':
    case 'OCI refused our credentials':
      return 'oci-key';
    case 'VM not found in OCI':
      return 'oci-instance';
    case 'OCI refused the request':
    case 'OCI account not in order':
    case 'VM address not readable':
      return 'oci-policy';
    default:
      return 'oci';
  }
}

/** Of an attempt to connect: what comes before it in `sshChecks` worked, unless nothing was tried at all. */
export function toSshLayer(error: unknown): { readonly check: SshCheck; readonly tried: boolean } {
  const reason = isAppError(error) ? String(error.details.reason) : '';
  if (/^(?:KEY_|PASSPHRASE_|AGENT_|NO_CREDENTIALS)/.test(reason))
    return { check: 'login', tried: false };
  if (/^(?:HOST_KEY_|KNOWN_HOSTS_)/.test(reason)) return { check: 'host-key', tried: true };
  if (/^(?:AUTH_|STARTING_UP|CONNECTION_UNSTABLE)/.test(reason))
    return { check: 'login', tried: true };
  const isHandshake =
    /^(?:HANDSHAKE_|CONNECTION_RESET|TOO_MANY_CONNECTIONS|NOT_ALLOWED_NOW|NO_COMMON_ALGORITHM)/;
  if (isHandshake.test(reason)) return { check: 'ssh-handshake', tried: true };
  return { check: 'tcp', tried: true };
}

/** Of a question to Docker: the way to its socket, or what answers there. */
export function toDockerLayer(error: unknown): 'socket' | 'docker' {
  const reason = isAppError(error) ? String(error.details.reason) : '';
  return /^DOCKER_(?:DOWN|TIMEOUT|CONNECTION_LOST|FAILED|UNFIT)$/.test(reason)
    ? 'docker'
    : 'socket';
}

/** True where the VM said nothing at all, as one that hangs or is cut off does. */
export function isSilence(error: unknown): boolean {
  const silent =
    /^(?:CHANNEL_TIMEOUT|COMMAND_TIMEOUT|DOCKER_TIMEOUT|PEER_SILENT|CONNECTION_LOST|TIMEOUT)$/;
  return isAppError(error) && silent.test(String(error.details.reason));
}

export const sshChecks = ['tcp', 'ssh-handshake', 'host-key', 'login'] as const;

/** What is asked of the VM over the SSH connection. */
export const vmChecks = [
  'shell',
  'socket',
  'docker',
  'compose',
  'flock-setsid',
  'disk',
  'job-folder',
  'vm-clock',
] as const satisfies readonly CheckName[];
