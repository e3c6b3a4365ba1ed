// How soon the page shows something on a slow phone, and how much it weighs.

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { findChromium } from '../slow/chromium.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { startApp } from '../support/start-sandbox-and-api.ts';
import { atMost, type Section, toMs } from './report.ts';

const rounds = 5;

/** Of a phone on a slow mobile network, as Lighthouse imitates one: https://github.com/GoogleChrome/lighthouse/blob/main/docs/throttling.md */
const network = {
  offline: false,
  latency: 150,
  downloadThroughput: 204_800,
  uploadThroughput: 96_000,
};
const cpuSlowdown = 4;

interface Figures {
  readonly firstPaintMs: number;
  /** From the token to the VM's phase. */
  readonly answerMs: number;
  readonly shift: number;
}

export async function measurePage(): Promise<Section> {
  const found = findChromium();
  if (typeof found === 'string') throw new Error(`The page cannot be measured: ${found}`);
  await using app = await startApp({ env: { LOG_LEVEL: 'info' } });
  await using own = await launchChromium(found.program);
  const measured: Figures[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const context = await own.browser.newContext({
      viewport: { width: 360, height: 740 },
      hasTouch: true,
      isMobile: true,
    });
    measured.push(await measureOnce(await context.newPage(), app.url, app.tokens.read));
    await context.close();
  }
  const median = (read: (figures: Figures) => number) =>
    measured.map(read).sort((a, b) => a - b)[Math.floor(rounds / 2)] ?? 0;
  const paintMs = median(({ firstPaintMs }) => firstPaintMs);
  const answerMs = median(({ answerMs: ms }) => ms);
  const shift = Math.max(...measured.map((figures) => figures.shift));
  const bytes = await weigh();
  return {
    title: 'The page',
    about: `In Chromium at 360 × 740, its CPU ${cpuSlowdown} times slower, its network with 150 ms and 1.6 Mbit/s; medians of ${rounds}.`,
    rows: [
      { what: 'First paint, nothing cached', measured: toMs(paintMs) },
      { what: "From the token to the API's answer on the screen", measured: toMs(answerMs) },
      {
        what: 'Both, without the time that a person needs to sign in',
        measured: toMs(paintMs + answerMs),
        target: atMost(1000, paintMs + answerMs, ' ms'),
      },
      { what: 'Layout shift', measured: String(shift), target: atMost(0, shift) },
      {
        what: 'Scripts and styles, compressed',
        measured: `${(bytes / 1000).toFixed(1)} kB`,
        target: atMost(60, bytes / 1000, ' kB'),
      },
    ],
  };
}

async function measureOnce(page: Page, url: string, token: string): Promise<Figures> {
  const protocol = await page.context().newCDPSession(page);
  await protocol.send('Network.enable');
  await protocol.send('Network.emulateNetworkConditions', network);
  await protocol.send('Emulation.setCPUThrottlingRate', { rate: cpuSlowdown });
  await page.goto(`${url}/`);
  await page.getByLabel(/access token/i).fill(token);
  await page.evaluate(`window.paintedMs = new Promise((resolve) => {
    const beganMs = performance.now();
    new MutationObserver(() => {
      if (document.querySelector('h1.phase')) requestAnimationFrame(() => resolve(performance.now() - beganMs));
    }).observe(document.body, { childList: true, subtree: true });
  }); undefined`);
  await page.getByRole('button', { name: 'Use token' }).click();
  const answerMs = await page.evaluate<number>('window.paintedMs');
  await page.locator('.containers li').first().waitFor();
  const firstPaintMs = await page.evaluate<number>(
    "performance.getEntriesByName('first-contentful-paint')[0].startTime",
  );
  const shift = await page.evaluate<number>(`new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
    setTimeout(() => resolve(sum), 200);
  })`);
  return { firstPaintMs, answerMs, shift };
}

async function weigh(): Promise<number> {
  const folder = fileURLToPath(new URL('../../../apps/web/dist/page/', import.meta.url));
  const names = (await readdir(folder)).filter((name) => /\.(?:js|css)$/.test(name));
  const sizes = await Promise.all(
    names.map(async (name) => gzipSync(await readFile(folder + name)).length),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
