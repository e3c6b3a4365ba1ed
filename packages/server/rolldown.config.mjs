// The server's process as few files, which load in a third of the time of its 750 modules: one for the start, and one for each part that is loaded when it is first needed.

/** Kept as packages: they find their own files or workers by path. */
const external = [/^@fastify\/swagger/, 'ioredis', 'pino', 'pino-pretty', 'ssh2'];

export default {
  input: 'dist/process/start.js',
  platform: 'node',
  transform: { target: 'node20' },
  external,
  output: { dir: 'dist/bundle', chunkFileNames: '[name].js', sourcemap: true },
};
