// An engine with one container, whose state a test decides.

import { type FakeEngine, type Respond, sendJson } from './fake-engine.test-support.ts';

export const id = 'c0ffee'.repeat(10);

export interface Box {
  status: string;
  startedAt: string;
  finishedAt: string;
  stopTimeout?: number;
  tty?: boolean;
}

export const running = (): Box => ({ status: 'running', startedAt: 't1', finishedAt: 't0' });
export const exited = (): Box => ({ status: 'exited', startedAt: 't1', finishedAt: 't2' });

/** An engine with one container, whose inspection follows `box`. */
export function withBox(box: Box, respond: Respond): Respond {
  return (request, response) => {
    if (!request.url?.endsWith(`/${id}/json`)) return respond(request, response);
    sendJson(response, 200, {
      Id: id,
      Name: '/web',
      State: {
        Status: box.status,
        Running: box.status === 'running',
        StartedAt: box.startedAt,
        FinishedAt: box.finishedAt,
      },
      Config: { Tty: box.tty ?? false, StopTimeout: box.stopTimeout, Env: ['SECRET=1'] },
    });
  };
}

export function posts(fake: FakeEngine): string[] {
  return fake.requests.filter((line) => line.startsWith('POST'));
}
