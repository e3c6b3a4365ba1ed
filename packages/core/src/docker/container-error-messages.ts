// What the engine's error messages about a container mean, as our error texts.

import type { ErrorCode, ErrorText } from '../error-texts.ts';

export interface Refusal {
  readonly code: Extract<ErrorCode, 'CONFLICT' | 'INTERNAL_ERROR'>;
  readonly text: ErrorText<'CONFLICT' | 'INTERNAL_ERROR'>;
  /** The end of a sentence that names the container. */
  readonly reason: string;
}

/** What a start means in the engine's words; undefined where they are unknown. The first line that fits counts. */
export function explainStart(said: string): Refusal | undefined {
  return startRefusals.find(({ pattern }) => pattern.test(said));
}

/** The container that the engine's words name as missing, not running or restarting: a name or an id, without the slash of a link. */
export function namedContainer(said: string): string | undefined {
  if (isNotShareable.test(said)) return undefined;
  for (const pattern of namings) {
    const found = [...said.matchAll(pattern)].at(-1)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Of a container that runs. */
const isNotShareable = /non-shareable ipc/i;

/** Docker's and Podman's. */
const namings: readonly RegExp[] = [
  /no such container:? "?\/?([\w.-]+)/gi,
  /no container with (?:name or )?id "?\/?([\w.-]+)/gi,
  /non[- ]running container:? "?\/?([\w.-]+)/gi,
  /container "?\/?([\w.-]+)"? is (?:not running|restarting)/gi,
  /can(?:'|no)t join \w+ of container "?\/?([\w.-]+)/gi,
];

/** True where the words say that a container is not there, be it this one or another. */
export function saysMissing(said: string): boolean {
  return /no such container|no container with/i.test(said);
}

function conflict(pattern: RegExp, text: ErrorText<'CONFLICT'>, reason: string) {
  return { pattern, code: 'CONFLICT', text, reason } as const;
}

function failure(pattern: RegExp, reason: string) {
  return { pattern, code: 'INTERNAL_ERROR', text: 'Container failed to start', reason } as const;
}

/** From what says most to what says least: an engine's message often quotes names and paths, so that single words prove nothing. */
const startRefusals: readonly (Refusal & { readonly pattern: RegExp })[] = [
  conflict(
    /port is already allocated|(?:bind|listen|port|expose)\b.*address already in use|failed to bind (?:host )?port|ports are not available/i,
    'Port already in use',
    'a port that it publishes is already in use; stop what uses it, then try again',
  ),
  conflict(
    isNotShareable,
    'Container conflict',
    'the container whose shared memory it joins does not share it; create that one again with --ipc shareable',
  ),
  failure(
    /cannot expose privileged port|bind.*permission denied/i,
    'it may not publish a port below 1024 with a rootless engine; publish a higher one',
  ),
  conflict(
    /address already in use|no available (?:ipv?[46] )?addresses|non-overlapping (?:ipv4 )?address pool/i,
    'Container conflict',
    'the network has no address for it: its own is taken, or none is left; check the networks of the VM',
  ),
  failure(
    /iptables|no chain\/target\/match|nftables/i,
    "Docker's firewall rules on the VM are gone; restart the Docker daemon, then try again",
  ),
  conflict(
    /network \S+ (?:is |was )?(?:not found|does not exist)|no such network|unable to find network|could not find a network/i,
    'Needed network missing',
    'a network that it uses no longer exists; rebuild it, or create the network',
  ),
  failure(
    /no such image|image "?[\w./:@-]+"? (?:not found|not known|does not exist)|image not known|unable to find image/i,
    'its image is no longer on the VM; rebuild it, or pull the image',
  ),
  failure(
    /could not select device driver|nvidia-container|cdi device|unresolvable cdi/i,
    'no driver for the devices that it asks for is on the VM; check its GPU settings and the driver',
  ),
  failure(
    /failed to mount local volume|error while mounting volume/i,
    'what one of its volumes stands for (a disk, a share, a folder) cannot be mounted on the VM; check that it is there',
  ),
  failure(
    /gathering device information|error (?:adding|creating) device|device node|(?:stat|open|lstat) \/dev\/[\w./-]+: no such (?:file|device)|not a device node/i,
    'a device that it uses is not on the VM; plug it in or take it out of its settings',
  ),
  failure(
    /logging driver|log driver|log-driver/i,
    'its log driver cannot be started; check the driver and where it sends the log',
  ),
  failure(
    /unable to find (?:user|group)|no matching entries in (?:passwd|group)|invalid user/i,
    'the user that it runs as is not in its image; check its user setting',
  ),
  failure(
    /chdir to cwd|working directory/i,
    'its working folder cannot be entered; check its settings',
  ),
  failure(
    /no space left on device|disk quota exceeded/i,
    "the VM's disk is full; free some space, then try again",
  ),
  failure(
    /cannot allocate memory|out of memory|memory limit|resource temporarily unavailable|too many open files/i,
    'the VM has too little memory, processes or open files left for it, or its limits are too low',
  ),
  failure(
    /unknown or invalid runtime|containerd-shim\S* (?:not installed|does not exist)/i,
    'the container runtime that it names is not installed on the VM; check its runtime setting',
  ),
  failure(
    /exec: .*permission denied|exec .*: permission denied/i,
    'its command may not be executed; check the permissions in the image',
  ),
  failure(
    /executable file not found|exec format error|exec:? .*no such file|exec: .*is a directory/i,
    'its command is not in the image or cannot run there; check the image and the command',
  ),
  failure(
    /apparmor|seccomp|selinux|capabilit|sysctl|no-new-privileges/i,
    'a security option of it is not possible on the VM; check its security options, capabilities and sysctls',
  ),
  failure(
    /cgroup|cpuset|requested cpus/i,
    'its resource limits cannot be set on the VM; check them',
  ),
  failure(
    /\bmount(?:ing|s|ed)?\b|bind source|mountpoint|not a directory|no such file or directory|no such device|no such volume|volume driver|local volume/i,
    'one of its mounts cannot be set up; check its volumes and folders on the VM',
  ),
  failure(
    /permission denied|operation not permitted/i,
    'Docker lacks a permission on the VM; check its mounts, devices and security options',
  ),
  failure(
    /oci runtime|runc|crun|failed to create (?:shim )?task/i,
    "the VM's container runtime failed to create it; the engine's log on the VM says why",
  ),
];
