// What goes to stdout is for a program to read, with --json, from the CLI, the API's log and the SBOM: pnpm then leaves out the line that names the script.
module.exports = {
  hooks: {
    readPackage(manifest) {
      // Only its types ask for a compiler, and 31 MB of one would be installed with the server.
      if (manifest.name === '@trpc/server') delete manifest.peerDependencies.typescript;
      // Of another runtime, Bare: Node never loads it.
      if (/^tar-(?:fs|stream)$/.test(manifest.name)) {
        for (const of of [manifest.dependencies, manifest.optionalDependencies]) {
          delete of?.['bare-fs'];
          delete of?.['bare-path'];
        }
      }
      return manifest;
    },
    updateConfig(config) {
      const [, , script] = process.argv;
      const isForPrograms =
        process.argv.includes('--json') || ['ondemand', 'serve', 'sbom'].includes(script);
      if (isForPrograms) config.reporter = 'silent';
      return config;
    },
  },
};
