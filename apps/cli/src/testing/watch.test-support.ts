// An API whose events and lists a test hands out one by one.

import { backup, nginx } from './fixtures.test-support.ts';
import { type Answer, refusal, type StubApi, startStubApi } from './stub-api.test-support.ts';
import { openStream } from './stub-stream.test-support.ts';

export const lost = refusal('SERVICE_UNAVAILABLE', 'SSH does not\nanswer');

export const countLists = (api: StubApi) =>
  api.calls.filter(({ procedure }) => procedure === 'containers.list').length;

/** Read once at the start and once more when the events are open; from then on as the test pushes. */
export async function startWatchedApi(...lists: Answer[]) {
  const events = openStream<object>();
  const first = { data: [backup, nginx] };
  const api = await startStubApi({
    'containers.list': [first, first, ...lists],
    events: { stream: events },
  });
  return { api, events, settled: () => countLists(api) === 2 };
}
