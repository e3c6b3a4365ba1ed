// Console histories: captured, read in parts, deleted, and no more than ten.

import { expect, test } from 'vitest';
import { expectOciError, startOci, toJson } from '../testing/oci.test-support.ts';

test('a console history is captured, succeeds after two looks, is read in parts and deleted', async () => {
  await using app = await startOci();
  app.oci.writeConsole('Kernel panic - not syncing\r\n');
  const body = JSON.stringify({ instanceId: app.world.instance.id });
  const capture = () => app.call('/instanceConsoleHistories', { method: 'POST', body });
  const captured = await toJson(await capture());
  expect(captured.lifecycleState).toBe('REQUESTED');
  const path = `/instanceConsoleHistories/${captured.id}`;
  await expectOciError(await app.call(`${path}/data`), 409, 'IncorrectState');
  const readState = async () => (await toJson(await app.call(path))).lifecycleState;
  expect([await readState(), await readState(), await readState()]).toEqual([
    'GETTING-HISTORY',
    'SUCCEEDED',
    'SUCCEEDED',
  ]);
  const content = await app.call(`${path}/data?offset=0&length=1048576`);
  expect(content.headers.get('content-type')).toBe('text/plain');
  expect(content.headers.get('opc-bytes-remaining')).toBe('0');
  const text = await content.text();
  expect(text).toMatch(/^UEFI firmware[\s\S]+Kernel panic - not syncing\r\n$/);
  const part = await app.call(`${path}/data?offset=5&length=8`);
  expect(await part.text()).toBe(text.slice(5, 13));
  expect(part.headers.get('opc-bytes-remaining')).toBe(String(text.length - 13));
  expect((await app.call(path, { method: 'DELETE' })).status).toBe(204);
  await expectOciError(await app.call(path), 404, 'NotAuthorizedOrNotFound');
});

test('an eleventh console history is 400 LimitExceeded until one is deleted', async () => {
  await using app = await startOci();
  const body = JSON.stringify({ instanceId: app.world.instance.id });
  const capture = () => app.call('/instanceConsoleHistories', { method: 'POST', body });
  const ids: string[] = [];
  for (let count = 0; count < 10; count += 1) ids.push((await toJson(await capture())).id);
  await expectOciError(await capture(), 400, 'LimitExceeded');
  await app.call(`/instanceConsoleHistories/${ids[0]}`, { method: 'DELETE' });
  expect((await capture()).status).toBe(200);
});

test('a console history fails where the fault says so', async () => {
  await using app = await startOci();
  app.faults.oci.consoleHistoryFails = true;
  const body = JSON.stringify({ instanceId: app.world.instance.id });
  const captured = await app.call('/instanceConsoleHistories', { method: 'POST', body });
  const path = `/instanceConsoleHistories/${(await toJson(captured)).id}`;
  await app.call(path);
  expect((await toJson(await app.call(path))).lifecycleState).toBe('FAILED');
});
