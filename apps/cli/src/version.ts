// The CLI's release.

import { readFileSync } from 'node:fs';

/** As the package's manifest has it. */
export function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { version: string }; // our own manifest
  return version;
}
