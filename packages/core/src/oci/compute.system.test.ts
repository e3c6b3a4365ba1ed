// How the adapter opens while its configuration's file does not end.

import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { setUpOci, startOci, wholeVm } from '../testing/compute.test-support.ts';

const { computeAt, failure, file } = setUpOci();

test('who gives up before it has opened does not wait for that, and takes nobody along', async () => {
  // Reading a pipe ends when somebody writes to it.
  const configFile = file('pipe');
  execFileSync('mkfifo', [configFile]);
  await using oci = await startOci(wholeVm);
  await using compute = computeAt(oci.endpoint, { configFile });
  const controller = new AbortController();
  const reason = new Error('the reader left');
  const leaving = compute.getInstance({ signal: controller.signal });
  const staying = failure(compute.getInstance());
  controller.abort(reason);
  await expect(leaving).rejects.toBe(reason);
  await writeFile(configFile, '');
  expect((await staying).message).toContain('OCI_CONFIG_PROFILE');
});
