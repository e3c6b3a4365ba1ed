// One connection attempt shared by many callers: they share its outcome, and each can abort alone.

import type { Socket } from 'node:net';
import { type AppError, isAppError } from '../../app-error.ts';
import { withDeadline } from '../../concurrency/deadline.ts';
import type { Credentials } from '../login/credentials.ts';
import type { HostKeyCheck } from '../login/host-key.ts';
import { toAppError } from '../to-app-error.ts';
import { DeadlineError, type Dialed, dial } from './dial.ts';

export interface ConnectOptions {
  readonly resolveHost: (options: { readonly signal: AbortSignal }) => Promise<string>;
  readonly port: number;
  readonly username: string;
  readonly credentials: Credentials;
  readonly hostKeyCheck: HostKeyCheck;
  readonly connectTimeoutMs: number;
  readonly keepaliveMs: number;
  readonly onSocket: (socket: Socket) => void;
}

/**
 * Resolves, dials, verifies and logs in, all within `connectTimeoutMs`.
 * Rejects with an `AppError`: the one that aborted the signal, the resolver's own, or `SERVICE_UNAVAILABLE` with the reason.
 */
export async function connectOnce(options: ConnectOptions, signal: AbortSignal): Promise<Dialed> {
  const { connectTimeoutMs, port } = options;
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  const timer = setTimeout(() => controller.abort(new DeadlineError('connect')), connectTimeoutMs);
  try {
    const host = await resolveHost(options, controller.signal);
    using login = await options.credentials.prepare(controller.signal);
    const trial = await options.hostKeyCheck.prepare({ host, port });
    for (;;) {
      try {
        return await dial({
          ...options,
          host,
          login,
          trial,
          signal: controller.signal,
        });
      } catch (error) {
        if (controller.signal.aborted || !trial.tryOtherTypes()) throw error;
      }
    }
  } catch (error) {
    throw isAppError(error) ? error : toAppError('CONNECT_TIMEOUT', { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

async function resolveHost(
  { resolveHost: resolve, connectTimeoutMs }: ConnectOptions,
  signal: AbortSignal,
): Promise<string> {
  try {
    return await withDeadline((inner) => resolve({ signal: inner }), {
      timeoutMs: connectTimeoutMs,
      signal,
      onTimeout: () => new DeadlineError('resolve'),
    });
  } catch (error) {
    if (isAppError(error)) throw error;
    throw toAppError('ADDRESS_UNKNOWN', { cause: error });
  }
}

/** An attempt under way that several callers wait for. */
export interface SharedAttempt<T> {
  /** Rejects with the attempt's error, or with the signal's reason when that aborts first. */
  wait(signal?: AbortSignal): Promise<T>;
  succeed(value: T): void;
  fail(error: AppError): void;
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** The callers that wait for one attempt, which has its own deadline. */
export function createSharedAttempt<T>(): SharedAttempt<T> {
  const waiters = new Set<Waiter<T>>();

  return {
    wait(signal) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiters.delete(waiter);
          signal?.removeEventListener('abort', onAbort);
        };
        const waiter: Waiter<T> = {
          resolve: (value) => {
            leave();
            resolve(value);
          },
          reject: (error) => {
            leave();
            reject(error);
          },
        };
        const onAbort = () => waiter.reject(signal?.reason);
        signal?.addEventListener('abort', onAbort, { once: true });
        waiters.add(waiter);
      });
    },
    succeed(value) {
      for (const waiter of [...waiters]) waiter.resolve(value);
    },
    fail(error) {
      for (const waiter of [...waiters]) waiter.reject(error);
    },
  };
}
