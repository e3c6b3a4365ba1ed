// A process warning fails the run, as an unhandled rejection does in vitest by itself.

/** Warnings of dependencies that we cannot mend, each with its reason. */
const known = [
  // oidc-provider 9 warns on Node 20; it runs (facts/auth.md).
  /Unsupported runtime/,
];

process.on('warning', (warning) => {
  if (known.some((pattern) => pattern.test(warning.message))) return;
  throw warning;
});
