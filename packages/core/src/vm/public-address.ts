// The VM's public address, looked up anew only when something tells that it may have changed, or after a second: one that is moved in OCI leaves the instance's version as it was.

import type { CallOptions, Clock, Compute, Instance } from '../adapter-ports.ts';
import { withDeadline } from '../concurrency/deadline.ts';

export interface PublicAddressOptions {
  readonly compute: Pick<Compute, 'getPublicIp'>;
  readonly clock: Clock;
  /** How long one look-up may take. */
  readonly deadlineMs: number;
  /** Called when it becomes unreadable. */
  readonly onUnreadable: (error: unknown) => void;
}

export interface PublicAddress {
  /** True while an address is known that nothing but the instance's own version speaks against. */
  isKnown(): boolean;
  /** The one that is known, for the version of the instance in which it was found; an absent one is not remembered. */
  of(instance: Version): string | undefined;
  /** Looks it up; undefined when there is none or it cannot be read in time, which is told once until it can be read again. */
  find(options: CallOptions): Promise<string | undefined>;
  /** Does nothing for one that is known already: its age counts from when it was looked up. */
  remember(ip: string | undefined, instance: Version): void;
}

type Version = Pick<Instance, 'etag' | 'lifecycleState'>;

/** With the read of the instance beside it, no address is told that is older than two seconds. */
const maxAgeMs = 1000;

export function createPublicAddress({
  compute,
  clock,
  deadlineMs,
  onUnreadable,
}: PublicAddressOptions): PublicAddress {
  let known: (Version & { readonly ip: string; readonly atMs: number }) | undefined;
  let isReadable = true;

  return {
    isKnown: isTrusted,
    of,
    async find({ signal }) {
      try {
        const ip = await withDeadline((inner) => compute.getPublicIp({ signal: inner }), {
          timeoutMs: deadlineMs,
          signal,
          onTimeout: () => new Error(`OCI gave no address within ${deadlineMs} ms`),
        });
        isReadable = true;
        return ip;
      } catch (error) {
        signal?.throwIfAborted();
        if (isReadable) onUnreadable(error);
        isReadable = false;
        return undefined;
      }
    },
    remember(ip, instance) {
      if (isTrusted() && ip === of(instance)) return;
      const { etag, lifecycleState } = instance;
      known = ip === undefined ? undefined : { ip, etag, lifecycleState, atMs: clock.elapsedMs() };
    },
  };

  function isTrusted(): boolean {
    return known !== undefined && clock.elapsedMs() - known.atMs < maxAgeMs;
  }

  function of({ etag, lifecycleState }: Version): string | undefined {
    const isSame = known?.etag === etag && known.lifecycleState === lifecycleState;
    return isSame ? known?.ip : undefined;
  }
}
