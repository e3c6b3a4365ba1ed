// The behaviour suite on the sandbox.

import { describe } from 'vitest';
import { startSandboxWorld } from './start-sandbox-world.ts';
import { declareBehaviour } from './suite.ts';

describe('behaviour on the sandbox', () => declareBehaviour(startSandboxWorld));
