// Bounds the bytes of answers that are held in memory until their readers have taken them: for each subject, and for all.

import { AppError, type ByteCharge } from '@ondemand/core';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Counts what this answer holds until it has left; throws what `AnswerBudget` throws. */
    holdBytes(bytes: number): void;
  }
}

export interface AnswerBudgetOptions {
  readonly perSubject: number;
  readonly inAll: number;
}

export interface AnswerBudget {
  /** `add` throws `SERVICE_UNAVAILABLE` with `details.retryAfterSeconds` when the subject, or the process, holds too much. */
  open(sub: string): ByteCharge;
}

/** What a process with a small heap can hold; the biggest answer fits in a subject's share. */
export const defaultBudget: AnswerBudgetOptions = {
  perSubject: 18 * 1024 * 1024,
  inAll: 64 * 1024 * 1024,
};

export function createAnswerBudget({ perSubject, inAll }: AnswerBudgetOptions): AnswerBudget {
  const held = new Map<string, number>();
  let heldInAll = 0;

  return {
    open(sub) {
      let own = 0;
      const change = (bytes: number) => {
        own += bytes;
        heldInAll += bytes;
        const left = (held.get(sub) ?? 0) + bytes;
        if (left > 0) held.set(sub, left);
        else held.delete(sub);
      };
      return {
        add(bytes) {
          const isOwn = (held.get(sub) ?? 0) + bytes > perSubject;
          if (bytes > 0 && (isOwn || heldInAll + bytes > inAll)) throw tooMuch(isOwn);
          change(bytes);
        },
        release() {
          change(-own);
        },
      };
    },
  };
}

/** Every answer of some size counts, from when it is whole until its reader has it or has gone. */
export function addAnswerBudget(app: FastifyInstance, budget: AnswerBudget): void {
  const charges = new WeakMap<FastifyRequest, ByteCharge>();
  app.decorateRequest('holdBytes', function holdBytes(this: FastifyRequest, bytes: number) {
    charges.get(this)?.add(bytes);
  });
  app.addHook('preHandler', (request, reply, done) => {
    if (request.principal !== undefined && !reply.raw.destroyed) {
      const charge = budget.open(request.principal.sub);
      charges.set(request, charge);
      reply.raw.once('close', () => {
        charges.delete(request);
        charge.release();
      });
    }
    done();
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    const hold = (whole: unknown) => {
      if (whole instanceof Response) request.holdBytes(answerInParts);
      const isWhole = typeof whole === 'string' || Buffer.isBuffer(whole);
      if (isWhole && whole.length > smallAnswer) request.holdBytes(whole.length);
      done(null, whole);
    };
    if (payload instanceof Response) toWhole(payload, reply).then(hold).catch(done);
    else hold(payload);
  });
}

/** tRPC answers with a `Response`, which would hold the text uncounted. */
async function toWhole(payload: Response, reply: FastifyReply): Promise<unknown> {
  if (payload.headers.has('transfer-encoding')) return payload; // in parts, as they become ready
  reply.code(payload.status).headers(Object.fromEntries(payload.headers));
  return payload.text();
}

/** Of so small ones the rate limit allows no more than memory does. */
const smallAnswer = 16 * 1024;
/** What is counted for an answer of unknown size. */
const answerInParts = 512 * 1024;

/**
 * Closes the connection of a reader who has not read its answer for so long. Node restarts this time whenever some of it was taken.
 * https://nodejs.org/api/http.html#responsesettimeoutmsecs-callback
 */
export function endUnreadAnswers(app: FastifyInstance, { unreadMs = 30_000 } = {}): void {
  app.addHook('onRequest', (_request, { raw }: FastifyReply, done) => {
    raw.setTimeout(unreadMs, () => {
      const { socket } = raw;
      if (socket !== null && socket.writableLength > 0) socket.destroy(); // else it waits for us
    });
    done();
  });
}

function tooMuch(isOwn: boolean): AppError {
  return new AppError(
    'SERVICE_UNAVAILABLE',
    `${isOwn ? "This token's subject has" : 'All callers together have'} too many bytes of answers under way; read those, ask for less, or try again in ${retryAfterSeconds} s`,
    { details: { reason: 'TOO_MANY_BYTES', retryAfterSeconds } },
  );
}

const retryAfterSeconds = 5;
