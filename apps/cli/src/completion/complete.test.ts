import { expect, test } from 'vitest';
import { keepCollectingGarbage } from '../testing/collect-garbage.test-support.ts';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { fakeTimeouts } from '../testing/fake-timeouts.test-support.ts';
import { hanging, startStubApi } from '../testing/stub-api.test-support.ts';
import { completeCommand } from './scripts.ts';

test('a shell that completes names does not wait for an API that does not answer, garbage collected or not', async () => {
  const clock = fakeTimeouts();
  await using api = await startStubApi({ 'containers.list': hanging });
  using _collecting = keepCollectingGarbage();
  const run = runInTerminal([completeCommand, 'logs', ''], api);
  await clock.until(() => api.calls.length === 1);
  await clock.pass(3_000);
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toBe('');
});
