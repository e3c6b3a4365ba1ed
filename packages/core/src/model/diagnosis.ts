// The diagnosis: each layer that the API stands on, whether it works, and what to do where it does not.

import { z } from 'zod';

/** In the order in which they are told: what stands lower comes later. */
export const checkLayers = {
  configuration: 'api',
  clock: 'api',
  issuer: 'issuer',
  'issuer-keys': 'issuer',
  'issuer-client': 'issuer',
  oci: 'oci',
  'oci-key': 'oci',
  'oci-instance': 'oci',
  'oci-policy': 'oci',
  shape: 'oci',
  'public-ip': 'oci',
  tcp: 'ssh',
  'ssh-handshake': 'ssh',
  'host-key': 'ssh',
  login: 'ssh',
  shell: 'ssh',
  socket: 'docker',
  docker: 'docker',
  compose: 'docker',
  'flock-setsid': 'vm',
  disk: 'vm',
  'job-folder': 'vm',
  'vm-clock': 'vm',
  idle: 'vm',
} as const;

export type CheckName = keyof typeof checkLayers;
export const checkNames = Object.keys(checkLayers) as readonly CheckName[]; // as written above

const factSchema = z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]);
export type Facts = Readonly<Record<string, z.infer<typeof factSchema>>>;

/** What of an error's details are facts of this kind. */
export function toFacts(details: Readonly<Record<string, unknown>>): Facts {
  const facts = Object.entries(details).flatMap(([name, value]) => {
    const { data } = factSchema.safeParse(value);
    return data === undefined || name === 'retryAfterSeconds' ? [] : [[name, data] as const];
  });
  return Object.fromEntries(facts);
}

export const checkSchema = z.object({
  name: z.enum(checkNames).describe('Never changes'),
  layer: z
    .enum(['api', 'issuer', 'oci', 'ssh', 'docker', 'vm'])
    .describe('What it is about: what stands lower comes later'),
  status: z
    .enum(['ok', 'failed', 'skipped'])
    .describe('skipped: it could not be asked, or does not apply'),
  message: z.string().describe('What was found, and what to do where it failed'),
  next: z.string().optional().describe('The first thing to run or to look at'),
  details: z
    .record(z.string(), factSchema)
    .describe('Facts, such as the `reason` of a failure; empty where there are none'),
});
export type Check = z.infer<typeof checkSchema>;

export const diagnosisSchema = z
  .object({
    ok: z.boolean().describe('No check failed'),
    checkedAt: z.iso.datetime().describe('ISO 8601 timestamp'),
    checks: z.array(checkSchema).describe('All of them, always in this order'),
  })
  .meta({
    id: 'Diagnosis',
    description: 'Each layer that the API stands on, and whether it works',
  });
export type Diagnosis = z.infer<typeof diagnosisSchema>;

/** What to run or look at first where a check failed; commands of `ondemand` work wherever it is logged in. */
export const nextSteps: Readonly<Record<CheckName, string>> = {
  configuration: 'ondemand-server --check, on the machine of the API',
  clock: 'timedatectl, on the machine of the API',
  issuer: 'curl -i OIDC_ISSUER/.well-known/openid-configuration, on the machine of the API',
  'issuer-keys': 'curl -i the jwks_uri of the issuer, on the machine of the API',
  'issuer-client': 'look at the client OIDC_CLIENT_ID in the settings of the issuer',
  oci: 'curl -i the endpoint of OCI, on the machine of the API',
  'oci-key': 'oci os ns get --profile OCI_CONFIG_PROFILE, on the machine of the API',
  'oci-instance': 'oci compute instance get --instance-id OCI_INSTANCE_ID, as the user of the API',
  'oci-policy':
    'oci compute instance list-vnics --instance-id OCI_INSTANCE_ID, as the user of the API',
  shape: 'oci compute instance get --instance-id OCI_INSTANCE_ID',
  'public-ip': 'oci compute instance list-vnics --instance-id OCI_INSTANCE_ID',
  tcp: 'ondemand vm console, to see whether it has booted',
  'ssh-handshake': 'ondemand vm console, to see whether it has booted',
  'host-key': "compare the fingerprint with the VM's own: ondemand vm console",
  login: 'ssh -v as SSH_USER with the key of the API, from its machine',
  shell: 'ssh as SSH_USER with a command, such as true, from the machine of the API',
  socket: 'docker version, on the VM as SSH_USER',
  docker: 'sudo systemctl status docker, on the VM',
  compose: 'docker compose version, on the VM as SSH_USER',
  'flock-setsid': 'install util-linux on the VM',
  disk: 'df -h and docker system df, on the VM',
  'job-folder': 'ls -ld ~ ~/.local/state ~/.local/state/ondemand, on the VM as SSH_USER',
  'vm-clock': 'timedatectl, on the VM',
  idle: 'ondemand idle',
};
