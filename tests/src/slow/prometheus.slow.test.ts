// The alert rules, judged by Prometheus' own tool.

import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../support/run.ts';
import { describeWith } from './describe-or-skip.ts';

const promtool = '/usr/bin/promtool';
const found = existsSync(promtool) ? { promtool } : 'promtool, Debian: apt-get install prometheus';
const cwd = fileURLToPath(new URL('../../../deploy/prometheus', import.meta.url));

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
}

describeWith(found, 'promtool', () => {
  test('can read every query of the dashboard', async () => {
    const text = await readFile(join(cwd, '../grafana/ondemand.json'), 'utf8');
    const { panels } = JSON.parse(text) as Dashboard; // what is not so fails the test
    const rules = panels
      .flatMap(({ targets }) => targets)
      .map(({ expr }, index) => ({ record: `query:${index}`, expr }));
    const folder = await mkdtemp(join(tmpdir(), 'ondemand-dashboard-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'rules.json'); // which YAML takes as it is
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    const { exitCode, stdout, stderr } = await run([promtool, 'check', 'rules', file]);
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stdout).toContain(`${rules.length} rules found`);
  });

  test.each([
    ['takes the rules', ['check', 'rules', 'alerts.yaml']],
    ['finds that each fires when it should, and only then', ['test', 'rules', 'alerts.test.yaml']],
  ])('%s', async (_, args) => {
    const { exitCode, stdout, stderr } = await run([promtool, ...args], { cwd });
    expect(exitCode, stdout + stderr).toBe(0);
  });
});
