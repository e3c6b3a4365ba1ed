import { expect, test } from 'vitest';
import { keepCollectingGarbage } from '../testing/collect-garbage.test-support.ts';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { startSilentServer } from '../testing/silent-server.test-support.ts';
import { completeCommand } from './scripts.ts';

test('a shell that completes names does not wait for an API that does not answer, garbage collected or not', async () => {
  await using api = await startSilentServer();
  using _collecting = keepCollectingGarbage();
  const run = runInTerminal([completeCommand, 'logs', ''], api);
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toBe('');
});
