// The server's process as one file, which loads in a third of the time of its 750 modules.

/** Kept as packages: they find their own files or workers by path, or are loaded late. */
const external = [/^oci-/, /^@fastify\/swagger/, 'ioredis', 'pino', 'pino-pretty', 'ssh2'];

export default {
  input: 'dist/process/main.js',
  platform: 'node',
  transform: { target: 'node20' },
  external,
  output: { dir: 'dist/bundle', sourcemap: true },
};
