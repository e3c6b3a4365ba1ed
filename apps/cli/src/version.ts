// The CLI's release.

import manifest from '../package.json' with { type: 'json' };

/** As the package's manifest has it. */
export const { version } = manifest;
