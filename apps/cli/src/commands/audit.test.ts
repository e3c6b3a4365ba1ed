import { expect, test } from 'vitest';
import { formatLocal } from '../output/local-time.ts';
import { runInTerminal } from '../testing/fake-terminal.test-support.ts';
import { time } from '../testing/fixtures.test-support.ts';
import { startStubApi } from '../testing/stub-api.test-support.ts';

const entry = {
  time,
  sub: 'diego',
  clientId: 'ondemand-cli',
  ip: '198.51.100.7',
  action: 'vm_stop',
  target: 'oci-flex',
  outcome: 'refused',
  status: 409,
  code: 'CONFLICT',
  durationMs: 41.7,
  requestId: 'r-1',
};

test("the audit is a table for people and the API's own JSON for programs", async () => {
  await using api = await startStubApi({ 'audit.list': { data: [entry] } });
  const run = runInTerminal(['audit', '-n', '5'], { ...api, env: { NO_COLOR: '1' } });
  run.resize(200);
  expect(await run.exitCode).toBe(0);
  expect(run.stdout()).toBe(
    `TIME                  WHO                    FROM           ACTION    TARGET     OUTCOME            TOOK   REQUEST\n${formatLocal(time)}   diego (ondemand-cli)   198.51.100.7   vm_stop   oci-flex   refused CONFLICT   42ms   r-1\n`,
  );
  const json = runInTerminal(['audit', '--json'], api);
  await json.exitCode;
  expect(JSON.parse(json.stdout())).toEqual([entry]);
  expect(api.calls.map(({ input }) => input)).toEqual([{ limit: 5 }, {}]);
});
