// Writes the checked-in OpenAPI document, or with --check fails when it is not what the code says.

import { readFile, writeFile } from 'node:fs/promises';
import {
  createOpenApiDocument,
  referenceServers,
} from '../packages/server/dist/openapi/document.js';
import { root } from './run-installed-tool.mjs';

const file = `${root}docs/openapi.json`;
const document = createOpenApiDocument({
  publicUrl: 'http://127.0.0.1:5000',
  servers: referenceServers,
});
const text = `${JSON.stringify(document, null, 2)}\n`;

if (process.argv.includes('--check')) {
  if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
    process.stderr.write('docs/openapi.json is not what the code says; run `pnpm openapi`\n');
    process.exitCode = 1;
  }
} else {
  await writeFile(file, text);
}
