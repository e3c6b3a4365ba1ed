// One file per entry and lazily loaded command, so that a command starts at once and the package needs no other.

export default {
  input: 'src/main.ts',
  platform: 'node',
  transform: { target: 'node20' },
  output: { dir: 'dist', chunkFileNames: '[name].js', cleanDir: true, sourcemap: true },
};
