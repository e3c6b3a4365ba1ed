// The commands of all documents but those that a newcomer reads first, whose test is in every run.

import { describeCommands, firstPages } from '../docs/describe-commands.ts';

describeCommands((path) => !firstPages.includes(path));
