// Opens a URL with the program that the desktop has for it.

import { spawn } from 'node:child_process';
import type { Environment } from '../api-target.ts';

/** The program; undefined where there is no desktop to open anything on. */
export function findOpener(env: Environment, platform = process.platform): string | undefined {
  if (platform === 'darwin') return env.SSH_CONNECTION ? undefined : 'open';
  return env.DISPLAY || env.WAYLAND_DISPLAY ? 'xdg-open' : undefined;
}

/** Resolves once it has begun, without waiting for it to end. Rejects as `spawn` does, where it is not installed. */
export function openWith(opener: string, url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(opener, [url], { stdio: 'ignore', detached: true });
    child.once('error', reject);
    child.once('spawn', () => {
      child.unref();
      resolve();
    });
  });
}
