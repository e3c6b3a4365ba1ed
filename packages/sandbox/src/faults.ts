// What can go wrong in the outside world, as plain settings that a test assigns while everything runs.

/** Limits a fault to some requests; without both it holds until it is removed. */
export interface FaultScope<Subject> {
  /** The fault hits only what this accepts. */
  only?: ((subject: Subject) => boolean) | undefined;
  /** The fault hits this many more requests; counted down to 0. */
  times?: number | undefined;
}

export interface OciSubject {
  /** e.g. `GetInstance`, `InstanceAction`, `ListVnicAttachments`, `GetVnic`, `CaptureConsoleHistory`. */
  readonly operation: string;
  readonly method: string;
  readonly path: string;
}

export interface OciFaults extends FaultScope<OciSubject> {
  /** Answers with this status and OCI's own error body for it. */
  status?: 400 | 401 | 402 | 403 | 404 | 409 | 412 | 429 | 500 | 501 | 503 | undefined;
  /** OCI's own code in that body, e.g. `LimitExceeded`; by the status if left out. */
  code?: string | undefined;
  /** Instances are answered without their ETag, as some emulators do. */
  withoutEtag?: boolean | undefined;
  /** Sent as `retry-after` with `status`. */
  retryAfterSeconds?: number | undefined;
  /** START fails with 500 InternalError "Out of host capacity.". */
  outOfCapacity?: boolean | undefined;
  /** The request is read and never answered. */
  hangs?: boolean | undefined;
  /** The connection is reset instead of an answer. */
  resets?: boolean | undefined;
  /** The action is carried out, then the connection is reset: the caller cannot know. */
  losesAnswer?: boolean | undefined;
  /** Answers with status 200 and this HTML, as a captive portal would. */
  html?: string | undefined;
  delayMs?: number | undefined;
  /** What START answers on a RUNNING instance; Oracle documents neither. Default `conflict`. */
  runningStart?: 'ok' | 'conflict' | undefined;
  /** Console histories end as FAILED. */
  consoleHistoryFails?: boolean | undefined;
}

export interface SshFaults {
  /**
   * `refuse`: nothing listens (ECONNREFUSED), live connections go on. `drop`: new connections are closed before the banner.
   * `silent`: new connections are accepted and never hear a byte. `freeze`: no byte passes any more in either direction,
   * on live and new connections, as behind a dead link; ends when the mode is removed.
   */
  mode?: 'refuse' | 'drop' | 'silent' | 'freeze' | undefined;
  /** New connections hear the banner this late. */
  bannerDelayMs?: number | undefined;
  /** `reject`: no key is accepted. */
  auth?: 'reject' | undefined;
  /** `false`: streamlocal and TCP forwarding are administratively prohibited. */
  forwarding?: false | undefined;
  /** `false`: sessions (exec, shell) are refused. */
  exec?: false | undefined;
  /** Sessions per connection, as sshd's MaxSessions; default 10. */
  maxSessions?: number | undefined;
}

export interface DockerSubject {
  readonly method: string;
  /** Without the version prefix and the query, e.g. `/containers/json`. */
  readonly path: string;
}

export interface DockerFaults extends FaultScope<DockerSubject> {
  /** Answers with this status and `{ message }`. */
  status?: number | undefined;
  message?: string | undefined;
  /** The request is read and never answered. */
  hangs?: boolean | undefined;
  delayMs?: number | undefined;
  /** The connection is cut in the middle of the body. */
  cutsBody?: boolean | undefined;
  /** The action is carried out, then the connection is cut without an answer. */
  losesAnswer?: boolean | undefined;
  /** No socket at the usual path (dockerd is down). */
  socketMissing?: boolean | undefined;
  /** The socket is there, but the SSH user may not open it. */
  socketDenied?: boolean | undefined;
  /** `docker system dial-stdio` fails on the VM. */
  dialStdioFails?: boolean | undefined;
  /**
   * Followed and plain logs go wrong after their first frame: stream 3 with an error, a stream that does not exist,
   * a claimed 4 GiB, an end inside a frame. `split` sends all of it right, but byte by byte.
   */
  badFrames?: 'daemon-error' | 'unknown-stream' | 'oversize' | 'truncated' | 'split' | undefined;
  /** Which compose the VM has; both unless told otherwise. What it lacks exits 127 or 1, as a missing command or plugin does. */
  compose?: 'v1' | 'v2' | 'none' | undefined;
}

export interface OidcSubject {
  readonly method: string;
  /** e.g. `/jwks`, `/token/introspection`, `/.well-known/openid-configuration`. */
  readonly path: string;
}

export interface OidcFaults extends FaultScope<OidcSubject> {
  /** The connection is reset instead of an answer. */
  down?: boolean | undefined;
  /** Answers with this status and an empty JSON object. */
  status?: number | undefined;
  /** Sent as `retry-after` with `status`. */
  retryAfterSeconds?: number | undefined;
  /** Answers with `status` (default 200) and this HTML. */
  html?: string | undefined;
  /** Answers 302 to this address. */
  redirectTo?: string | undefined;
  /** Answers 200 and this JSON instead of the truth. */
  json?: unknown;
  /** The request is read and never answered. */
  hangs?: boolean | undefined;
  /** Ends early when it is removed. */
  delayMs?: number | undefined;
}

export interface FaultAreas {
  readonly oci: OciFaults;
  readonly ssh: SshFaults;
  readonly docker: DockerFaults;
  readonly oidc: OidcFaults;
}

export interface Faults extends FaultAreas {
  /** Removes every fault. */
  reset(): void;
  /** Called after each assignment or removal; the returned function ends it. */
  onChange(listener: (area: keyof FaultAreas) => void): () => void;
}

/** Faults with none set. Assign to switch one on (`faults.oci.status = 429`), assign undefined, delete or `reset()` to switch it off. */
export function createFaults(): Faults {
  const listeners = new Set<(area: keyof FaultAreas) => void>();
  const notify = (area: keyof FaultAreas): void => {
    for (const listener of [...listeners]) listener(area);
  };
  const areas: FaultAreas = {
    oci: observe<OciFaults>({}, () => notify('oci')),
    ssh: observe<SshFaults>({}, () => notify('ssh')),
    docker: observe<DockerFaults>({}, () => notify('docker')),
    oidc: observe<OidcFaults>({}, () => notify('oidc')),
  };
  return {
    ...areas,
    reset() {
      for (const area of Object.values(areas)) {
        for (const name of Object.keys(area)) Reflect.deleteProperty(area, name);
      }
    },
    onChange(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

/** True when the faults of this area hit this request; counts `times` down, so call it once a request and only when a fault is set. */
export function takeFault<Subject>(scope: FaultScope<Subject>, subject: Subject): boolean {
  if (scope.only !== undefined && !scope.only(subject)) return false;
  if (scope.times === undefined) return true;
  if (scope.times <= 0) return false;
  scope.times -= 1;
  return true;
}

function observe<T extends object>(settings: T, changed: () => void): T {
  return new Proxy(settings, {
    set(target, name, value) {
      const done = Reflect.set(target, name, value);
      changed();
      return done;
    },
    deleteProperty(target, name) {
      const done = Reflect.deleteProperty(target, name);
      changed();
      return done;
    },
  });
}
