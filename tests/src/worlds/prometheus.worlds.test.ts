// The alert rules, judged by Prometheus' own tool.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../support/run.ts';
import { describeWith } from './describe-with.ts';

const promtool = '/usr/bin/promtool';
const found = existsSync(promtool) ? { promtool } : 'promtool, Debian: apt-get install prometheus';
const cwd = fileURLToPath(new URL('../../../deploy/prometheus', import.meta.url));

describeWith(found, 'promtool', () => {
  test.each([
    ['takes the rules', ['check', 'rules', 'alerts.yaml']],
    ['finds that each fires when it should, and only then', ['test', 'rules', 'alerts.test.yaml']],
  ])('%s', async (_, args) => {
    const { exitCode, stdout, stderr } = await run([promtool, ...args], { cwd });
    expect(exitCode, stdout + stderr).toBe(0);
  });
});
