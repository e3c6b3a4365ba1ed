// A client of the engine that a test plays, what is asked of it, and how a lost answer is told.

import { expect } from 'vitest';
import { createEngineClient, type EngineClientOptions } from '../docker/engine/http-client.ts';
import { LostAnswerError } from '../docker/engine/http-request.ts';
import { type FakeEngine, type Respond, sendJson } from './fake-engine.test-support.ts';

export const list = { operation: 'list', method: 'GET', path: '/containers/json' } as const;
export const stop = { operation: 'stop', method: 'POST', path: '/containers/x/stop' } as const;
export const answerAll: Respond = (_request, response) => sendJson(response, 200, []);

export function connectTo(engine: FakeEngine, options: Partial<EngineClientOptions> = {}) {
  return createEngineClient({
    channels: engine.channels,
    socketPath: engine.socketPath,
    ...options,
  });
}

export async function expectLost(sent: Promise<unknown>, reason: LostAnswerError['reason']) {
  const error = await sent.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LostAnswerError);
  expect(error).toMatchObject({ reason });
}
