// The service of leases: who keeps the VM on, until when, and what for. They live on the VM, so every process sees them.

import type {
  CallOptions,
  Clock,
  Compute,
  LeaseHost,
  LeaseRecord,
  Link,
} from '../adapter-ports.ts';
import { AppError } from '../app-error.ts';
import { type OnInternalError, reportInternal } from '../internal-error.ts';
import { maxReasonLength } from '../model/defaults-limits-timeouts.ts';
import { type Lease, leaseIdSchema } from '../model/lease.ts';
import { toOwnTime } from '../model/vm-clock.ts';
import { createVmReach } from '../vm/require-running.ts';

export interface LeaseCaller {
  readonly sub: string;
  readonly clientId: string;
  /** May end anybody's lease. */
  readonly isAdmin: boolean;
}

export interface LeaseRequest {
  readonly minutes: number;
  readonly reason?: string | undefined;
  readonly by: Pick<LeaseCaller, 'sub' | 'clientId'>;
}

/** Everything throws `SERVICE_UNAVAILABLE`, with `details.lifecycleState` when the VM does not run: leases live there. */
export interface Leases {
  /** Resolves once the VM keeps it. Throws `CONFLICT` when too many hold already, and `INTERNAL_ERROR` when the VM cannot write it. */
  take(request: LeaseRequest, options?: CallOptions): Promise<Lease>;
  /** Resolves with the lease, which has ended. Throws `NOT_FOUND` when none of that id holds, and `FORBIDDEN` for somebody else's without `isAdmin`. */
  release(id: string, by: LeaseCaller): Promise<Lease>;
  /**
   * Holds a lease of this process for as long as somebody reads: until the signal aborts. All readers of a kind share one, which is renewed,
   * and which expires soon after the last of them has left. Never throws: a lease that cannot be written is tried again.
   */
  holdWhileRead(kind: ReaderKind, signal: AbortSignal): void;
}

type ReaderKind = 'logs' | 'jobs';

export interface LeasesOptions {
  readonly host: LeaseHost;
  readonly compute: Compute;
  readonly link: Link;
  readonly clock: Clock;
  /** So many hexadecimal digits, never the same twice. */
  readonly randomHex: (digits: number) => string;
  /** How long a lease of readers holds unless it is renewed. */
  readonly readerLeaseMs?: number;
  readonly onInternalError?: OnInternalError;
}

/** Builds the service; nothing of leases is kept here. */
export function createLeases({
  host,
  compute,
  link,
  clock,
  randomHex,
  readerLeaseMs = 120_000,
  onInternalError = () => {},
}: LeasesOptions): Leases {
  const vm = createVmReach({ compute, link });
  const readers = new Map<ReaderKind, ReturnType<typeof createReaderLease>>();

  return {
    async take({ minutes, reason = '', by }, { signal } = {}) {
      const { sub, clientId } = by;
      const owner = { sub, clientId, reason: reason.slice(0, maxReasonLength) };
      const id = toLeaseId(clock.now(), randomHex(8));
      const lease = { id, seconds: Math.round(minutes * 60), owner };
      const { now, ...times } = await vm.reach(
        (inner) => host.take(lease, { signal: inner }),
        signal,
      );
      return toLease({ id, ...owner, ...times }, now);
    },
    async release(id, { sub, isAdmin }) {
      const { now, leases } = await vm.reach((signal) => host.list({ signal }));
      const lease = leases.find((each) => each.id === id && each.until > now);
      if (lease === undefined || !leaseIdSchema.safeParse(id).success) throw leaseNotFound(id);
      if (lease.sub !== sub && !isAdmin) throw notYours(lease);
      const endedAt = await vm.explain(() => host.end(id));
      if (endedAt === undefined) throw leaseNotFound(id);
      return toLease({ ...lease, until: endedAt }, endedAt);
    },
    holdWhileRead(kind, signal) {
      if (signal.aborted) return;
      const shared = readers.get(kind) ?? createReaderLease(kind);
      readers.set(kind, shared);
      shared.add(signal);
    },
  };

  function toLease(record: LeaseRecord, now: number): Lease {
    return toLeaseBy(record, { vmNow: now, nowMs: clock.now().getTime() });
  }

  function createReaderLease(kind: ReaderKind) {
    const id = `reader-${randomHex(16)}-${kind}`;
    const owner = { sub: `ondemand:${kind}`, clientId: 'ondemand', reason: reasons[kind] };
    let count = 0;
    let timer: NodeJS.Timeout | undefined;

    const renew = () => {
      timer = undefined;
      if (count === 0) return; // what was taken last expires by itself
      timer = setTimeout(renew, readerLeaseMs / 2).unref();
      // A VM that is not connected is not dialled for it.
      if (link.connected)
        host
          .take({ id, seconds: Math.ceil(readerLeaseMs / 1000), owner })
          .catch((error: unknown) => reportInternal(error, onInternalError));
    };
    return {
      add(signal: AbortSignal) {
        count += 1;
        signal.addEventListener(
          'abort',
          () => {
            count -= 1;
          },
          { once: true },
        );
        if (timer === undefined) renew();
      },
    };
  }
}

const reasons: Readonly<Record<ReaderKind, string>> = {
  logs: 'somebody follows logs through the API',
  jobs: "somebody follows a job's output through the API",
};

interface Moment {
  readonly vmNow: number;
  readonly nowMs: number;
}

/** Those that hold, in our time; the one that ends first foremost. */
export function toHeldLeases(records: readonly LeaseRecord[], moment: Moment): Lease[] {
  return records
    .filter(({ until }) => until > moment.vmNow)
    .sort((a, b) => a.until - b.until || (a.id < b.id ? -1 : 1))
    .map((record) => toLeaseBy(record, moment));
}

function toLeaseBy({ since, until, ...rest }: LeaseRecord, moment: Moment): Lease {
  return {
    ...rest,
    createdAt: toOwnTime(since, moment),
    expiresAt: toOwnTime(until, moment),
  };
}

function toLeaseId(now: Date, random: string): string {
  return `${now.toISOString().replace(/\.\d+|[-:]/g, '')}-${random}`;
}

function leaseNotFound(id: string): AppError {
  return new AppError('NOT_FOUND', `No lease '${id}' holds: it has ended, or there never was one`, {
    text: 'Lease not found',
    details: { lease: id },
  });
}

function notYours({ id, sub }: LeaseRecord): AppError {
  return new AppError(
    'FORBIDDEN',
    `The lease '${id}' is not yours: '${sub}' took it, who can end it, and so can a token with the scope admin`,
    { details: { reason: 'insufficient_scope', lease: id } },
  );
}
