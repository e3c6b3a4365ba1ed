// How signing and sending share an attempt's time; what goes over the wire is tested with the adapter, in compute.test.ts and compute-faults.test.ts.

import { afterEach, expect, test, vi } from 'vitest';
import { AppError } from '../app-error.ts';
import { type OciOperation, OciRequestError } from './failure.ts';
import { createOciHttpClient } from './http-client.ts';
import type { HttpExchange, HttpQuestion } from './http-request.ts';
import type { SignRequest } from './signer.ts';

afterEach(() => {
  vi.useRealTimers();
});

function startClient(
  sign: SignRequest,
  {
    timeoutMs = 50,
    exchange = answerWell,
    renew,
  }: {
    timeoutMs?: number;
    exchange?: HttpExchange['exchange'];
    renew?: () => Promise<void>;
  } = {},
) {
  const asked: HttpQuestion[] = [];
  const client = createOciHttpClient({
    sign,
    auth: 'instance_principal',
    renew,
    timeoutMs,
    overallTimeoutMs: timeoutMs * 1.5,
    exchange: async (question) => {
      asked.push(question);
      return exchange(question);
    },
    onRequest: () => {},
    random: () => 0,
  });
  const ask = (operation: OciOperation, signal?: AbortSignal) =>
    client.call(operation, signal, async (httpClient) => {
      const method = operation === 'InstanceAction' ? 'POST' : 'GET';
      const headers = new Headers();
      const answer = await httpClient.send({ method, uri: 'http://127.0.0.1:1/x', headers });
      return answer.json();
    });
  return { ask, asked };
}

const answerWell: HttpExchange['exchange'] = async () => ({ status: 200, headers: {}, body: '{}' });

/** A signer whose token service does not answer, and the signals that it was given. */
function createSilentSigner() {
  const signals: AbortSignal[] = [];
  const sign: SignRequest = (_, signal) => {
    signals.push(signal);
    return new Promise(() => {});
  };
  return { sign, signals };
}

test.each(['GetInstance', 'InstanceAction'] as const)(
  '%s whose signature does not come ends at the deadline of its attempt, stops the signer and was certainly not sent',
  async (operation) => {
    const { sign, signals } = createSilentSigner();
    const { ask, asked } = startClient(sign);
    const error = await ask(operation).catch((reason: unknown) => reason);
    if (!(error instanceof AppError)) throw error;
    expect([error.code, error.details]).toEqual([
      'SERVICE_UNAVAILABLE',
      { reason: 'TIMEOUT', retryAfterSeconds: 5 },
    ]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(asked).toEqual([]);
  },
);

test("the caller's abort stops the signer and rejects with the caller's reason", async () => {
  const { sign, signals } = createSilentSigner();
  const { ask, asked } = startClient(sign, { timeoutMs: 60_000 });
  const controller = new AbortController();
  const asking = ask('GetInstance', controller.signal);
  const reason = new Error('the reader left');
  controller.abort(reason);
  await expect(asking).rejects.toBe(reason);
  expect(signals.map((signal) => signal.reason)).toEqual([reason]);
  expect(asked).toEqual([]);
});

test('the time that signing took is no longer there for sending', async () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  const { ask, asked } = startClient(async () => void vi.advanceTimersByTime(400), {
    timeoutMs: 1000,
  });
  await ask('GetInstance');
  expect(asked.map(({ timeoutMs }) => timeoutMs)).toEqual([600]);
});

test('an action that was sent and cannot be signed again is of unknown outcome', async () => {
  let signatures = 0;
  const { ask } = startClient(
    async () => {
      signatures += 1;
      if (signatures > 1) throw new AppError('SERVICE_UNAVAILABLE', 'No token for now');
    },
    {
      timeoutMs: 5000,
      exchange: () =>
        Promise.reject(new OciRequestError({ kind: 'network', code: 'ECONNRESET', sent: true })),
    },
  );
  await expect(ask('InstanceAction')).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    details: { outcome: 'unknown' },
    message: expect.stringContaining('No token for now'),
  });
  expect(signatures).toBe(2);
});

test.each(['GetInstance', 'InstanceAction'] as const)(
  '%s that is refused with 401 is sent once more with renewed credentials',
  async (operation) => {
    let isRenewed = false;
    const { ask, asked } = startClient(async () => {}, {
      timeoutMs: 10_000,
      exchange: async () => ({ status: isRenewed ? 200 : 401, headers: {}, body: '{}' }),
      renew: async () => {
        isRenewed = true;
      },
    });
    expect(await ask(operation)).toEqual({});
    expect(asked).toHaveLength(2);
  },
);

test('credentials that are refused although they are new are told as they are, after one renewal', async () => {
  let renewals = 0;
  const { ask, asked } = startClient(async () => {}, {
    timeoutMs: 10_000,
    exchange: async () => ({ status: 401, headers: {}, body: '{}' }),
    renew: async () => {
      renewals += 1;
    },
  });
  await expect(ask('GetInstance')).rejects.toMatchObject({
    code: 'INTERNAL_ERROR',
    text: 'OCI refused our credentials',
    message: expect.stringMatching(/instance principal/),
  });
  expect([asked.length, renewals]).toEqual([2, 1]);
});

test('a renewal that fails says why', async () => {
  const refusal = new AppError('INTERNAL_ERROR', "OCI's token service refused this machine");
  const { ask } = startClient(async () => {}, {
    timeoutMs: 10_000,
    exchange: async () => ({ status: 401, headers: {}, body: '{}' }),
    renew: () => Promise.reject(refusal),
  });
  await expect(ask('GetInstance')).rejects.toBe(refusal);
});
