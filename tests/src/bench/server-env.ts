// What the API runs with in every part of the bench, beside what points it at its world.

import type { RealVm } from '../real-engine/start-real-vm.ts';
import { type AppProcess, startApp } from '../support/start-sandbox-and-api.ts';

export const serverEnv = {
  // As it is shipped: a line for each request.
  LOG_LEVEL: 'info',
  // None: the bench is one caller that asks more than people do.
  RATE_LIMIT_PER_MINUTE: '0',
} as const;

export function startBenchApp(vm: RealVm): Promise<AppProcess> {
  return startApp({ env: { ...vm.env, ...serverEnv } });
}
