// What is asked of Docker for a list, for one container, and what is kept of the answer.

import { expect, test } from 'vitest';
import { type Respond, sendJson, startFakeEngine } from '../../testing/fake-engine.test-support.ts';
import { fakeTimeouts } from '../../testing/fake-timeouts.test-support.ts';
import { until } from '../../testing/until.test-support.ts';
import { createEngine } from './engine.ts';

const id = 'c0ffee'.repeat(10).padEnd(64, '0');
const web = { Id: id, Names: ['/my.web'], State: 'running', Status: 'Up 1 second' };

/** Answers as Docker does: by a name's pattern, or by what one id alone begins with. */
async function startEngine(all: readonly (typeof web)[]) {
  const asked: string[] = [];
  const fake = await startFakeEngine((request, response) => {
    const text = new URL(request.url ?? '', 'http://docker').searchParams.get('filters');
    asked.push(text ?? 'all');
    const { name, id: ids } = JSON.parse(text ?? '{}') as { name?: [string]; id?: [string] };
    const found = all.filter(
      ({ Id, Names }) =>
        (name === undefined || new RegExp(name[0]).test(Names[0] ?? '')) &&
        (ids === undefined || Id.startsWith(ids[0])),
    );
    sendJson(response, 200, ids !== undefined && found.length > 1 ? [] : found);
  });
  return { fake, asked };
}

test.each([
  ['my.web', ['{"name":["^/?my\\\\.web$"]}'], ['my.web']],
  [id, [`{"id":["${id}"]}`], ['my.web']],
  ['c0ffee', ['{"name":["^/?c0ffee$"]}', '{"id":["c0ffee"]}'], ['my.web']],
  ['myxweb', ['{"name":["^/?myxweb$"]}'], []],
])('list() of %j asks for it alone', async (name, questions, names) => {
  const { fake, asked } = await startEngine([web, { ...web, Id: `dd${id}`, Names: ['/db'] }]);
  await using _fake = fake;
  await using engine = createEngine(fake);
  expect((await engine.list({ name })).map((found) => found.name)).toEqual(names);
  expect(asked).toEqual(questions);
});

test('list() says that it is sent when its channel is open, which the connection and the version are waited for', async () => {
  const { fake, asked } = await startEngine([web]);
  await using _fake = fake;
  const { openSocket } = fake.channels;
  const opening: (() => void)[] = [];
  fake.channels.openSocket = async (path) => {
    await new Promise<void>((open) => opening.push(open));
    return openSocket(path);
  };
  await using engine = createEngine(fake);
  const sent: number[] = [];
  const listed = engine.list({ onSend: () => sent.push(asked.length) });
  await until(() => opening.length === 1);
  expect(sent).toEqual([]);
  opening[0]?.(); // for the version, whose channel serves the list too
  expect(await listed).toHaveLength(1);
  expect(sent).toEqual([0]);
});

test('list() of what begins several ids gives all, for the caller to be told so', async () => {
  const { fake } = await startEngine([web, { ...web, Id: `c0ffee${id}`, Names: ['/db'] }]);
  await using _fake = fake;
  await using engine = createEngine(fake);
  expect(await engine.list({ name: 'c0ffee' })).toHaveLength(2);
});

test('list() gives every container of the engine, whatever else it says of it', async () => {
  await using fake = await startFakeEngine((_request, response) =>
    sendJson(response, 200, [
      { Id: id, Names: ['/web'], State: 'running', Status: 'Up 1 second', Surprise: { a: [1] } },
    ]),
  );
  await using engine = createEngine(fake);
  expect(await engine.list()).toEqual([
    {
      id,
      name: 'web',
      state: 'running',
      image: '<no image>',
      ports: '',
      uptime: 'Up 1 second',
      labels: {},
    },
  ]);
  expect(fake.requests).toContain('GET /v1.41/containers/json?all=1');
});

test.each([
  ['no JSON', '<html>'],
  ['half of it', '[{"Id":'],
  ['no list', '{"message":"hello"}'],
  ['null', 'null'],
  ['a container without an id', '[{"Names":["/web"]}]'],
  ['a port that is none', '[{"Id":"a","Ports":[{"PrivatePort":"eighty"}]}]'],
  ['nothing', ''],
])('list() is SERVICE_UNAVAILABLE when the engine answers %s', async (_name, body) => {
  await using fake = await startFakeEngine((_request, response) => response.end(body));
  await using engine = createEngine(fake);
  await expect(engine.list()).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: expect.stringContaining('cannot be understood while listing containers'),
  });
});

test('list() is SERVICE_UNAVAILABLE when the engine fails, is silent, or is cut', async () => {
  const clock = fakeTimeouts();
  const answers: [string, Respond][] = [
    ['HTTP 500', (_request, response) => sendJson(response, 500, { message: 'secret' })],
    ['did not answer in time', () => void clock.pass(60_000)],
    ['was lost', (request) => request.socket.destroy()],
  ];
  for (const [words, respond] of answers) {
    await using fake = await startFakeEngine(respond);
    await using engine = createEngine({ ...fake, timeoutMs: 60_000 });
    await expect(engine.list()).rejects.toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
      message: expect.stringContaining(words),
    });
  }
});
