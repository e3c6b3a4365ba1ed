// CommonJS, which Node starts sooner than modules, in few files: what many commands share, the client, the login, and a file each command.

export default {
  input: 'src/entry-point.ts',
  platform: 'node',
  transform: { target: 'node20' },
  output: {
    dir: 'dist',
    format: 'cjs',
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name].cjs',
    cleanDir: true,
    sourcemap: true,
    dynamicImportInCjs: false,
    codeSplitting: {
      groups: [
        { name: 'client', test: /packages.client|eventsource-parser/ },
        {
          name: 'shared',
          test: /src.(?!entry-point|version|remote|login.(?!login-file-format|contexts|context-name))/,
          minShareCount: 2,
        },
        { name: 'remote', test: /src.remote/, minShareCount: 2 },
        { name: 'oauth', test: /oauth4webapi|src.login/, minShareCount: 2 },
      ],
    },
  },
};
