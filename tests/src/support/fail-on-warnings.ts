// A process warning fails the run, as an unhandled rejection does in vitest by itself.

import { afterAll } from 'vitest';

/** Warnings of dependencies that we cannot fix, each with its reason. */
const known = [
  // oidc-provider 9 warns on Node 20; it runs (facts/auth.md).
  /Unsupported runtime/,
];

process.on('warning', refuse);
afterAll(() => {
  process.off('warning', refuse); // the next file of this process sets it again
});

function refuse(warning: Error): void {
  if (known.some((pattern) => pattern.test(warning.message))) return;
  throw warning;
}
