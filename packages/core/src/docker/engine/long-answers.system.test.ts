// Answers of more megabytes than are kept of any.

import { expect, test } from 'vitest';
import { connectTo, expectLost, list } from '../../testing/engine-client.test-support.ts';
import { startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import { createEngine } from './engine.ts';

test('seventy megabytes of labels hinder no list, no inspection and no action', async () => {
  const label = Buffer.from(`"${'x'.repeat(1024 * 1024)}",`);
  await using fake = await startFakeEngine((request, response) => {
    const isList = request.url?.includes('/containers/json');
    if (request.method === 'POST') return response.writeHead(204).end();
    response.writeHead(200);
    response.write(isList ? '[{"Id":"1","Names":["/web"],"Labels":{' : '{"Config":{"Labels":{');
    let count = 0;
    const write = () => {
      while (count < 70) {
        count += 1;
        response.write(`"big${count}":`);
        if (response.write(label)) continue;
        response.once('drain', write);
        return;
      }
      response.end(
        isList
          ? '"com.docker.compose.project":"home"}}]'
          : '"small":"shown"}},"Id":"1","Name":"/web","State":{"Status":"running","StartedAt":"t1"}}',
      );
    };
    return write();
  });
  await using engine = createEngine({ ...fake, timeoutMs: 60_000 }); // on a busy machine, too
  const [found] = await engine.list();
  expect(found).toMatchObject({ name: 'web', labels: { 'com.docker.compose.project': 'home' } });
  expect((await engine.inspect('1')).labels).toEqual({
    small: 'shown',
    '…': '70 more, which are too big to be shown',
  });
  expect(await engine.stop('1')).toEqual({ changed: true });
});

test('an answer of more than 64 MiB is refused without being kept', async () => {
  await using engine = await startFakeEngine((_request, response) => {
    response.writeHead(200);
    const megabyte = Buffer.alloc(1024 * 1024, ' ');
    const write = () => {
      while (!response.destroyed && response.write(megabyte));
    };
    response.on('drain', write);
    write();
  });
  await using client = connectTo(engine);
  await expectLost(client.send({ ...list, timeoutMs: 120_000 }), 'too large');
});
