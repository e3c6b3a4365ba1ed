// How often an operation is tried.

import * as fc from 'fast-check';

/** For `fc.assert`; in the short form, what runs commands on the VM is tried less often. */
export function runsOf(operationId: string): { readonly numRuns: number } {
  const { numRuns = 100 } = fc.readConfigureGlobal();
  const isShort = process.env.FUZZ_RUNS === undefined;
  return { numRuns: isShort && runsCommands(operationId) ? Math.ceil(numRuns / 4) : numRuns };
}

export function runsCommands(operationId: string): boolean {
  return /^(?:diagnose|vm_idle|vm_\w+Lease|jobs_\w+|containers_rebuild|vm_console)$/.test(
    operationId,
  );
}

export function isPower(operationId: string): boolean {
  return /^vm_(?:start|stop|reboot|reset)$/.test(operationId);
}
