// `ondemand context …`: the named APIs, each with its login.

import { CliError } from '../cli-error.ts';
import { defineCommand, type Group } from '../command-line/command.ts';
import { exitCodes } from '../exit-codes.ts';
import { parseContextName } from '../login/context-name.ts';
import {
  currentContext,
  findContext,
  listContexts,
  withCurrent,
  withLogin,
  without,
} from '../login/contexts.ts';
import { toContextFacts, toContextTable } from '../views/context-table.ts';

const ls = defineCommand({
  description: `List the contexts: where their APIs are, how their logins are renewed and when their tokens end.
It asks no API, and shows no token.`,
  options: {},
  examples: ['ondemand context ls', "ondemand context ls --json | jq -r '.[].name'"],
  async run({ logins, output }) {
    const all = listContexts(await logins.read());
    output.show(all.map(toContextFacts), () =>
      all.length === 0
        ? 'There is no context yet; ondemand login makes one\n'
        : toContextTable(all, { style: output.style, now: new Date(), width: output.columns() }),
    );
    return exitCodes.done;
  },
});

const use = defineCommand({
  description:
    'Make a context the current one, which commands use unless --context or the environment says another.',
  operands: { arity: 'one', label: 'NAME', from: 'contexts' },
  options: {},
  examples: ['ondemand context use home'],
  async run({ logins, output, signal, env }, { operands: [name] }) {
    const used = await logins.change(signal, async ({ stored, save }) => {
      const context = findContext(stored, name);
      await save(withCurrent(stored, context));
      return { ...context, isCurrent: true };
    });
    for (const variable of ['ONDEMAND_CONTEXT', 'ONDEMAND_URL', 'ONDEMAND_TOKEN']) {
      if (env[variable]) output.warn(`${variable} is set and wins over the current context`);
    }
    output.show(toContextFacts(used), () => `The current context is ${used.name} (${used.url})\n`);
    return exitCodes.done;
  },
});

const rename = defineCommand({
  description: 'Give a context another name; commands that run go on with it.',
  operands: { arity: 'two', label: 'NAME NEW', from: 'contexts' },
  options: {},
  examples: ['ondemand context rename ondemand.example.com home'],
  async run({ logins, output, signal }, { operands: [name, wanted] }) {
    const fresh = parseContextName(wanted);
    const renamed = await logins.change(signal, async ({ stored, save }) => {
      const context = findContext(stored, name);
      const isTaken = listContexts(stored).some(
        (other) => other.name === fresh && other.key !== context.key,
      );
      if (isTaken) {
        throw new CliError(
          exitCodes.conflict,
          `there is a context '${fresh}' already; remove it with ondemand context rm ${fresh}, or take another name`,
        );
      }
      await save(withLogin(stored, context, { ...context.login, name: fresh }));
      return { ...context, name: fresh };
    });
    output.show(toContextFacts(renamed), () => `${name} is now ${renamed.name}\n`);
    return exitCodes.done;
  },
});

const rm = defineCommand({
  description: `Forget a context and its login, and have the issuer revoke its tokens, as ondemand logout does.
Where it is the current one none is current then: no command goes to another API unasked.`,
  operands: { arity: 'one', label: 'NAME', from: 'contexts' },
  options: {},
  examples: ['ondemand context rm home'],
  async run(context, { operands: [name] }) {
    const { logins, output, signal } = context;
    const { removed, left } = await logins.change(signal, async ({ stored, save }) => {
      const found = findContext(stored, name);
      const others = without(stored, found);
      await save(others);
      return { removed: found, left: others };
    });
    const { endLogin } = await import('../login/end-login.ts');
    const { revoked, notRevoked, exitCode } = await endLogin(removed.login, context);
    const current = currentContext(left)?.name ?? null;
    const { url } = removed;
    output.show({ name: removed.name, url, removed: true, revoked, notRevoked, current }, () => {
      const names = listContexts(left).map((one) => one.name);
      return `Removed ${removed.name}; ${toCurrent(current, names)}\n`;
    });
    return exitCode;
  },
});

function toCurrent(current: string | null, names: readonly string[]): string {
  if (current !== null) return `the current context is ${current}`;
  if (names.length === 0) return 'there is no other context';
  return `no context is current now: ondemand context use picks one of ${names.join(', ')}`;
}

export const context: Group = {
  kind: 'group',
  description: `Contexts are APIs with a name, each with its login; ondemand login makes them. The current one is
used where neither --context, --url nor the environment says another.`,
  commands: [
    { name: 'ls', summary: 'List the contexts', load: async () => ls },
    { name: 'use', summary: 'Make one the current context', load: async () => use },
    { name: 'rename', summary: 'Give one another name', load: async () => rename },
    { name: 'rm', summary: 'Forget one, and revoke its login', load: async () => rm },
  ],
  examples: ['ondemand context ls', 'ondemand context use home', 'ondemand ps --context work'],
};
