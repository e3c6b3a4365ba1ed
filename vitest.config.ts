import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const everywhere = ['packages/*/src', 'apps/*/src', 'tests/src'];
const testsNamed = (pattern: string) => everywhere.map((folder) => `${folder}/**/${pattern}`);
/** What hangs ends some time; a machine that is busy with other work is no failure. */
const timeoutMs = 5 * 60_000;

/** Files of tests: each waits for its servers and its clock as long as it works. */
const atOnce = 5;

/**
 * The whole product's tests take longest: they go first, so that no core waits for the last of them.
 * Vitest's own order is that of the files' sizes, which say little, or of how long they took last time.
 */
class WholeProductFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const toKey = ({ project, moduleId }: TestSpecification) =>
      [
        project.config.sequence.groupOrder,
        project.name,
        moduleId.includes('/tests/src/') ? 'first' : 'then',
        // Mixed, and the same everywhere: files that are neighbours wait, or work, alike.
        createHash('sha1').update(basename(moduleId)).digest('hex'),
        moduleId,
      ].join(' ');
    return files.toSorted((a, b) => (toKey(a) < toKey(b) ? -1 : 1));
  }
}

/** What starts a process, and the short form of the fuzz, run after what starts none; the fuzz lane is its full form, and the slow tests run alone. */
export default defineConfig({
  test: {
    testTimeout: timeoutMs,
    hookTimeout: timeoutMs,
    sequence: { sequencer: WholeProductFirst },
    // What is built is loaded as it is, like any package: to transform it again costs seconds in each lane.
    server: { deps: { external: [/\/node_modules\//, /\/(?:packages|apps)\/\w+\/dist\//] } },
    // A condition that is waited for has time even on a busy machine; a short interval keeps the wait short.
    expect: { poll: { timeout: 120_000, interval: 20 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: testsNamed('*.test.ts'),
          exclude: testsNamed('*.{system,slow,fuzz}.test.ts'),
          setupFiles: [
            'tests/src/support/refuse-clock-left-behind.ts',
            'tests/src/support/fail-on-warnings.ts',
            'tests/src/support/refuse-child-processes.ts',
          ],
          maxWorkers: 3, // they wait by their own clock, so that three keep two cores busy
          // Loading the modules anew for each of two hundred files costs more than running its tests.
          isolate: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: testsNamed('*.{system,fuzz}.test.ts'),
          setupFiles: [
            'tests/src/support/refuse-clock-left-behind.ts',
            'tests/src/support/fail-on-warnings.ts',
            'tests/src/support/fuzz-runs.ts',
          ],
          maxWorkers: atOnce,
          isolate: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'fuzz',
          include: testsNamed('*.fuzz.test.ts'),
          setupFiles: ['tests/src/support/fail-on-warnings.ts', 'tests/src/support/fuzz-runs.ts'],
          maxWorkers: atOnce,
          isolate: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: ['tests/src/slow/**/*.slow.test.ts'],
          setupFiles: ['tests/src/support/fail-on-warnings.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
