// Collects what each check found, and accounts for those that were never reached.

import { isAppError } from '../app-error.ts';
import {
  type Check,
  type CheckName,
  checkLayers,
  checkNames,
  nextSteps,
  toFacts,
} from '../model/diagnosis.ts';

export interface Findings {
  ok(name: CheckName, message: string, details?: Readonly<Record<string, unknown>>): void;
  /** In the words of the `AppError`; of anything else it is said that the log has more. */
  failed(name: CheckName, error: unknown): void;
  skipped(names: readonly CheckName[], message: string, next?: string): void;
  /** The same for what was found elsewhere. */
  add(check: Pick<Check, 'name' | 'status' | 'message'> & Partial<Pick<Check, 'details'>>): void;
  has(name: CheckName): boolean;
  /** All checks in their order; one without a finding is skipped, because of what failed before it. */
  list(): readonly Check[];
}

/** `onUnexpected` is told of failures that are none of the known ones. */
export function createFindings(onUnexpected: (error: unknown) => void): Findings {
  const found = new Map<CheckName, Check>();
  const set = (check: Omit<Check, 'layer'>) =>
    void found.set(check.name, { ...check, layer: checkLayers[check.name] });

  return {
    ok(name, message, facts = {}) {
      set({ name, status: 'ok', message, details: toFacts(facts) });
    },
    failed(name, error) {
      set({ name, status: 'failed', ...describe(error), next: nextSteps[name] });
    },
    skipped(names, message, next) {
      for (const name of names)
        set({ name, status: 'skipped', message, details: {}, ...(next !== undefined && { next }) });
    },
    add(check) {
      set({
        details: {},
        ...check,
        ...(check.status === 'failed' && { next: nextSteps[check.name] }),
      });
    },
    has: (name) => found.has(name),
    list() {
      let broken: CheckName | undefined;
      return checkNames.map((name) => {
        const check = found.get(name);
        if (check?.status === 'failed') broken = name;
        return check ?? toUnreached(name, broken);
      });
    },
  };

  function describe(error: unknown): Pick<Check, 'message' | 'details'> {
    if (isAppError(error)) {
      return { message: error.message, details: toFacts(error.details) };
    }
    onUnexpected(error);
    return { message: 'It failed inside the API, whose log has more', details: {} };
  }
}

function toUnreached(name: CheckName, broken: CheckName | undefined): Check {
  const message = broken === undefined ? 'Not asked' : `Not asked, as ${broken} failed`;
  return { name, layer: checkLayers[name], status: 'skipped', message, details: {} };
}
