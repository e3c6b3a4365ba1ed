import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

test('an unread channel of ssh2 holds little, as patches/ makes it', () => {
  const require = createRequire(import.meta.url);
  expect(require('ssh2/lib/Channel.js').MAX_WINDOW).toBe(256 * 1024);
});
