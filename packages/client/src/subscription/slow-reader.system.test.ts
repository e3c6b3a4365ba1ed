// A reader of many megabytes who takes his time, and what waits for him meanwhile.

import { expect, test } from 'vitest';
import { startCannedApi } from '../testing/canned-api.test-support.ts';
import { openStream, toItemText } from '../testing/canned-stream.test-support.ts';
import { follow } from '../testing/subscription.test-support.ts';

test('a slow reader holds the server back, and gets every item all the same', async () => {
  const count = 4000;
  const line = 'x'.repeat(10_000);
  let sent = 0;
  await using api = await startCannedApi((request) => async (response) => {
    const stream = openStream(request, response);
    for (; sent < count; sent++)
      if (!response.write(toItemText(String(sent), sent + line)))
        await new Promise((resolve) => response.once('drain', resolve));
    stream.finish();
  });
  const given: unknown[] = [];
  let sentMeanwhile = 0;
  for await (const item of follow(api.url).items) {
    given.push(item);
    if (given.length !== 3) continue;
    await untilQuiet(() => sent);
    sentMeanwhile = sent;
  }
  // What the buffers of both ends and of the kernel hold.
  expect(sentMeanwhile).toBeLessThan(count / 2);
  expect(given).toEqual(Array.from({ length: count }, (_, index) => index + line));
});

/** Resolves when the number has stood still for a while. */
async function untilQuiet(read: () => number): Promise<void> {
  let last = -1;
  while (read() !== last) {
    last = read();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
