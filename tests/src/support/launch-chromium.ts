// Chromium under Playwright's hand, with a home of its own that goes with it.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

export interface OwnBrowser extends AsyncDisposable {
  readonly browser: Browser;
}

export async function launchChromium(executablePath: string): Promise<OwnBrowser> {
  const home = await mkdtemp(join(tmpdir(), 'ondemand-browser-'));
  const env = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home };
  const removeHome = () => rm(home, { recursive: true, force: true, maxRetries: 10 });
  try {
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], env });
    return {
      browser,
      async [Symbol.asyncDispose]() {
        await browser.close();
        await removeHome();
      },
    };
  } catch (error) {
    await removeHome();
    throw error;
  }
}
