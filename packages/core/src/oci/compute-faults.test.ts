// What the adapter does when OCI is slow, refuses, breaks off or answers what cannot be.

import { setImmediate as immediately } from 'node:timers/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  instance,
  json,
  refuse,
  setUpOci,
  startOci,
  verify,
  wholeVm,
} from '../testing/compute.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { until } from '../testing/until.test-support.ts';

const { computeAt, failure } = setUpOci();

describe('deadlines', () => {
  test('a silent server ends the call at the deadline and closes its socket', async () => {
    const clock = fakeTimeouts();
    await using oci = await startOci(() => {});
    await using compute = computeAt(oci.endpoint, { timeoutMs: 1000 });
    const failed = failure(compute.getInstance());
    await until(() => oci.requests.length === 1);
    await clock.pass(1000);
    const error = await failed;
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.details.reason).toBe('TIMEOUT');
    expect(oci.requests).toHaveLength(1);
    await oci.requests[0]?.closed;
  });

  test('a body that stalls ends the call at the deadline', async () => {
    const clock = fakeTimeouts();
    let isBegun = false;
    await using oci = await startOci((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => {
        isBegun = true;
      });
    });
    await using compute = computeAt(oci.endpoint, { timeoutMs: 1000 });
    const failed = failure(compute.getInstance());
    await until(() => isBegun);
    await clock.pass(1000);
    expect((await failed).details.reason).toBe('TIMEOUT');
    await oci.requests[0]?.closed;
  });

  test('an action without an answer is not repeated and has an unknown outcome', async () => {
    const clock = fakeTimeouts();
    await using oci = await startOci(() => {});
    await using compute = computeAt(oci.endpoint, { timeoutMs: 1000 });
    const failed = failure(compute.act('RESET', { etag: 'e1' }));
    await until(() => oci.requests.length === 1);
    await clock.pass(1000);
    const error = await failed;
    expect(error.details).toEqual({
      reason: 'TIMEOUT',
      outcome: 'unknown',
      retryAfterSeconds: 5,
    });
    expect(oci.requests).toHaveLength(1);
  });

  test('Retry-After is waited for when the deadline allows it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const outcomes: string[] = [];
    await using oci = await startOci((request, response, nth) =>
      nth === 1
        ? refuse(response, 429, { headers: { 'retry-after': '1' } })
        : wholeVm(request, response, nth),
    );
    await using compute = computeAt(oci.endpoint, {
      onRequest: (_, outcome) => outcomes.push(outcome),
    });
    const call = compute.getInstance();
    await until(() => outcomes.length === 1);
    await vi.advanceTimersByTimeAsync(999);
    for (let turn = 0; turn < 20; turn += 1) await immediately();
    expect(oci.requests).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await call;
    // Each attempt carries its own date and signature: OCI refuses old ones.
    expect(new Set(oci.requests.map(({ headers }) => headers['x-date'])).size).toBe(2);
    expect(oci.requests.every((request) => verify(request))).toBe(true);
  });

  test("the caller's abort closes the socket and rejects with the caller's reason", async () => {
    const controller = new AbortController();
    const reason = new Error('the reader left');
    await using oci = await startOci(() => controller.abort(reason));
    const outcomes: string[] = [];
    await using compute = computeAt(oci.endpoint, {
      onRequest: (operation, outcome) => outcomes.push(`${operation} ${outcome}`),
    });
    await expect(compute.getInstance({ signal: controller.signal })).rejects.toBe(reason);
    await oci.requests[0]?.closed;
    expect(outcomes).toEqual(['GetInstance aborted']);
  });
});

describe.concurrent('retries', () => {
  test('a read is tried three times and each attempt is counted', async () => {
    const outcomes: string[] = [];
    await using oci = await startOci((request, response, nth) => {
      if (nth === 1) return response.destroy();
      if (nth === 2) return refuse(response, 503);
      return wholeVm(request, response, nth);
    });
    await using compute = computeAt(oci.endpoint, {
      onRequest: (operation, outcome) => outcomes.push(`${operation} ${outcome}`),
    });
    expect((await compute.getInstance()).etag).toBe('e1');
    expect(outcomes).toEqual(['GetInstance network', 'GetInstance 503', 'GetInstance 200']);
  });

  test('a read gives up after three attempts', async () => {
    await using oci = await startOci((_, response) => refuse(response, 500));
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.getInstance());
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.cause).toMatchObject({ failure: { status: 500, requestId: 'r' } });
    expect(oci.requests).toHaveLength(3);
  });

  test('a Retry-After beyond the deadline is passed on at once', async () => {
    await using oci = await startOci((_, response) =>
      refuse(response, 429, { headers: { 'retry-after': '3600' } }),
    );
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.getInstance());
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.details.retryAfterSeconds).toBe(3600);
    expect(oci.requests).toHaveLength(1);
  });

  test.each([401, 404, 400])('a read that OCI refuses with %i is not repeated', async (status) => {
    await using oci = await startOci((_, response) => refuse(response, status));
    await using compute = computeAt(oci.endpoint);
    expect((await failure(compute.getInstance())).code).toBe('INTERNAL_ERROR');
    expect(oci.requests).toHaveLength(1);
  });

  test('an action whose connection breaks is repeated once, with the same retry token', async () => {
    await using oci = await startOci((_, response, nth) =>
      nth === 1 ? response.destroy() : json(response, instance('STARTING')),
    );
    await using compute = computeAt(oci.endpoint);
    await compute.act('START', { etag: 'e1' });
    const tokens = oci.requests.map(({ headers }) => headers['opc-retry-token']);
    expect(tokens).toHaveLength(2);
    expect(new Set(tokens).size).toBe(1);
  });

  test('an action whose connection breaks twice has an unknown outcome', async () => {
    await using oci = await startOci((_, response) => response.destroy());
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.act('START', { etag: 'e1' }));
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.details.outcome).toBe('unknown');
    expect(oci.requests).toHaveLength(2);
  });

  test('an action refused after a broken first attempt has an unknown outcome, for the first may have won', async () => {
    await using oci = await startOci((_, response, nth) =>
      nth === 1 ? response.destroy() : refuse(response, 412),
    );
    await using compute = computeAt(oci.endpoint);
    expect((await failure(compute.act('STOP', { etag: 'e1' }))).details.outcome).toBe('unknown');
  });

  test.each([
    [409, 'IncorrectState', 'CONFLICT'],
    [412, 'NoEtagMatch', 'CONFLICT'],
    [429, 'TooManyRequests', 'SERVICE_UNAVAILABLE'],
    [400, 'LimitExceeded', 'INTERNAL_ERROR'],
    [402, 'SubscriptionRequired', 'INTERNAL_ERROR'],
    [403, 'NotAllowed', 'INTERNAL_ERROR'],
    [501, 'MethodNotImplemented', 'INTERNAL_ERROR'],
    [501, 'NewerCode', 'INTERNAL_ERROR'],
  ])('an action refused with %i %s is not repeated: %s', async (status, code, expected) => {
    await using oci = await startOci((_, response) => refuse(response, status, { code }));
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.act('START', { etag: 'e1' }));
    expect(error.code).toBe(expected);
    expect(error.details.outcome).toBeUndefined();
    expect(oci.requests).toHaveLength(1);
  });

  test('a start without a free host says so, and is certain to have failed', async () => {
    await using oci = await startOci((_, response) =>
      refuse(response, 500, { code: 'InternalError', message: 'Out of host capacity.' }),
    );
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.act('START', { etag: 'e1' }));
    expect(error.code).toBe('SERVICE_UNAVAILABLE');
    expect(error.details).toEqual({
      reason: 'OUT_OF_CAPACITY',
      retryAfterSeconds: 300,
      ociCode: 'InternalError',
    });
  });
});

describe('what answers strangely', () => {
  test.each([
    ['HTML', '<html>', {}],
    ['null', 'null', {}],
    ['an array', '[]', {}],
    ['an object without a state', '{}', {}],
    ['a state that is no text', '{"lifecycleState":7,"compartmentId":"c"}', {}],
    ['nothing', '', {}],
  ])('%s for an instance is SERVICE_UNAVAILABLE', async (_, body) => {
    await using oci = await startOci((_request, response) => response.end(body));
    await using compute = computeAt(oci.endpoint);
    const error = await failure(compute.getInstance());
    expect([error.code, error.details.reason]).toEqual([
      'SERVICE_UNAVAILABLE',
      'UNREADABLE_ANSWER',
    ]);
  });

  test.each(['null', '{}', '7', '[null]', '["x"]'])(
    '%s for the list of cards does not crash',
    async (body) => {
      await using oci = await startOci((request, response, nth) =>
        request.url.includes('vnicAttachments')
          ? response.end(body)
          : wholeVm(request, response, nth),
      );
      await using compute = computeAt(oci.endpoint);
      const outcome = await compute.getPublicIp().catch((error: unknown) => error);
      if (outcome !== undefined) expect(outcome).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    },
  );

  test('a redirect is not followed', async () => {
    await using elsewhere = await startOci(wholeVm);
    await using oci = await startOci((request, response) => {
      response.writeHead(307, { location: `${elsewhere.endpoint}${request.url}` }).end();
    });
    await using compute = computeAt(oci.endpoint);
    expect((await failure(compute.getInstance())).code).toBe('SERVICE_UNAVAILABLE');
    expect(elsewhere.requests).toEqual([]);
  });

  test('a body without end is cut off', async () => {
    await using oci = await startOci((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    await using compute = computeAt(oci.endpoint);
    expect((await failure(compute.getInstance())).details.reason).toBe('UNREADABLE_ANSWER');
    await oci.requests[0]?.closed;
  });

  test('a server that is not there is SERVICE_UNAVAILABLE, and an action is certain not to have run', async () => {
    const clock = fakeTimeouts();
    const oci = await startOci(wholeVm);
    await oci[Symbol.asyncDispose]();
    await using compute = computeAt(oci.endpoint, { onRequest: () => void clock.pass(1000) });
    const read = await failure(compute.getInstance());
    expect([read.code, read.details]).toEqual([
      'SERVICE_UNAVAILABLE',
      { reason: 'OCI_UNREACHABLE', retryAfterSeconds: 5 },
    ]);
    const action = await failure(compute.act('START', { etag: 'e1' }));
    expect(action.details).toEqual({ reason: 'OCI_UNREACHABLE', retryAfterSeconds: 5 });
  });
});
