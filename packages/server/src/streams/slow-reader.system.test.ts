// A reader of many megabytes who takes his time, and the source that waits for him.

import { expect, test } from 'vitest';
import {
  askedWhenStill,
  logs,
  startLogServer,
  tRpcLogs,
} from '../testing/log-server.test-support.ts';
import { openReader, toLine } from '../testing/stream.test-support.ts';

test.each([logs, tRpcLogs])(
  '%s is read from its source no faster than its reader takes it',
  async (path) => {
    await using server = await startLogServer();
    using reader = await openReader(server, path);
    await reader.until(1);
    reader.pause();
    const batch = Array.from({ length: 10 }, (_, number) => toLine(number, 'x'.repeat(10_000)));
    for (let count = 0; count < 300; count += 1) server.source.push(batch); // 30 MB
    const seen = await askedWhenStill(server.source);
    expect(seen).toBeLessThan(200); // of 300; the sockets of the loopback take some megabytes
    reader.resume();
    server.source.end();
    expect((await reader.ended()).length).toBeGreaterThan(30_000_000);
  },
);
