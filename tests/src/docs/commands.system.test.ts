import { describeCommands, firstPages } from './describe-commands.ts';

describeCommands((path) => firstPages.includes(path));
