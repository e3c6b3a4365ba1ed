// Writes the man page into the package that is built: `man ondemand` finds it once npm has installed that.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const dir = await mkdtemp(join(tmpdir(), 'ondemand-man-'));
try {
  const bundle = await rolldown({
    input: at('src/man/man-page.ts'),
    platform: 'node',
    transform: { target: 'node20' },
  });
  await bundle.write({
    dir,
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    dynamicImportInCjs: false,
  });
  await bundle.close();
  const { createManPage } = createRequire(import.meta.url)(join(dir, 'man-page.cjs'));
  await writeFile(at('dist/ondemand.1'), await createManPage());
} finally {
  await rm(dir, { recursive: true });
}
