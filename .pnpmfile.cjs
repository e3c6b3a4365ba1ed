// With --json, stdout is for the JSON alone: pnpm then leaves out the line that names the script.
module.exports = {
  hooks: {
    updateConfig(config) {
      if (process.argv.includes('--json')) config.reporter = 'silent';
      return config;
    },
  },
};
