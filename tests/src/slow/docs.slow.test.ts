// `/docs` in a real Chromium, opened in each of the ways that people open it, on a phone and on a desktop: an "Execute" works.

import { findFreePort } from '@ondemand/sandbox';
import axe, { type AxeResults } from 'axe-core';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { proxyProblem, startProxy } from '../support/start-proxy.ts';
import { type App, startApp } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { type Browser, findChromium, startChromium } from './chromium.ts';
import { describeWith } from './describe-or-skip.ts';

const problem = proxyProblem(['nginx']);

describeWith(problem ?? findChromium(), '/docs in Chromium', () => {
  let app: App;
  let browser: Browser;
  let proxyUrl = '';
  beforeAll(() =>
    openSuite(async (opened) => {
      app = opened.use(await startApp());
      browser = opened.use(await startChromium());
      const port = await findFreePort();
      const targetPort = Number(new URL(app.url).port);
      const options = { port, targetPort, path: '/ondemand/' } as const;
      proxyUrl = opened.use(await startProxy('nginx', options)).url;
    }),
  );

  test.each([
    ['127.0.0.1', () => app.url],
    ['localhost', () => app.url.replace('127.0.0.1', 'localhost')],
    ["a proxy's path", () => proxyUrl],
    ["a proxy's path by another name", () => proxyUrl.replace('127.0.0.1', 'localhost')],
  ])('opened by %s it executes reads, actions and streams there', async (_, getUrl) => {
    const url = getUrl();
    const page = await browser.newPage();
    await page.open(`${url}/docs`);
    await until('the operations to show', () =>
      page.evaluate<boolean>(`document.querySelectorAll('.opblock').length > 20`),
    );
    const token = JSON.stringify(app.tokens.admin);
    await page.evaluate(`document.querySelector('.btn.authorize').click()`);
    await until('the dialog', () =>
      page.evaluate<boolean>(`!!document.querySelector('.auth-container input')`),
    );
    // React listens to what a person types, not to the property.
    await page.evaluate(`(() => {
      const input = document.querySelector('.auth-container input');
      Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, ${token});
      input.dispatchEvent(new Event('input', { bubbles: true }));
      document.querySelector('.auth-container .authorize').click();
      document.querySelector('.btn-done').click();
    })()`);
    for (const [id, expected] of [
      ['vm-vm_status', '"vmId"'],
      ['containers-containers_restart', '"success"'],
      ['containers-containers_logs', '"logs"'],
      ['containers-containers_followLogs', 'event: end'],
    ]) {
      const block = `document.querySelector('#operations-${id}')`;
      // It can be tried at once: no "Try it out" before.
      const click = async (selector: string) => {
        await until(`${selector} of ${id}`, () =>
          page.evaluate<boolean>(`!!${block}.querySelector('${selector}')`),
        );
        await page.evaluate(`${block}.querySelector('${selector}').click()`);
      };
      await click('.opblock-summary-control');
      await click('.execute');
      const answer = await until(`an answer to ${id}`, () =>
        page.evaluate<string>(`${block}.querySelector('.live-responses-table')?.innerText ?? ''`),
      );
      expect(answer, `${id}: ${page.complaints}`).toMatch(/^Code\s+Details\s+200/);
      expect(answer).toContain(expected);
      const asked = await page.evaluate<string>(`${block}.querySelector('.request-url').innerText`);
      expect(asked).toContain(`${url}/`);
    }
    expect(page.complaints).toEqual([]);
  });
});

const views: Readonly<Record<string, BrowserContextOptions>> = {
  'a dark phone': {
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    isMobile: true,
    colorScheme: 'dark',
  },
  'a light desktop': { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
};

/** Resolves once each operation was open with its button to try it; one at a time, as what is open makes every click slower. */
const openEachOnce = `(async () => {
  for (const block of document.querySelectorAll('.opblock:not(.is-open)')) {
    const toggle = () => document.getElementById(block.id).querySelector('.opblock-summary-control').click();
    toggle();
    while (!document.getElementById(block.id).querySelector('.execute')) await new Promise(requestAnimationFrame);
    toggle();
  }
})()`;

describeWith(findChromium(), '/docs for a reader in Chromium', ({ program }) => {
  let app: App;
  let newPage: (options: BrowserContextOptions) => Promise<Page>;
  beforeAll(() =>
    openSuite(async (opened) => {
      app = opened.use(await startApp());
      const { browser } = opened.use(await launchChromium(program));
      newPage = async (view) => (await browser.newContext(view)).newPage();
    }),
  );

  /** By axe's rules: https://dequeuniversity.com/rules/axe */
  async function findContrastProblems(page: Page): Promise<readonly string[]> {
    await page.evaluate(axe.source); // evaluated by the protocol, which the page's own policy does not bind
    const results = await page.evaluate<AxeResults>(`axe.run({ runOnly: ['color-contrast'] })`);
    return results.violations.flatMap(({ nodes }) => nodes.map(({ html }) => html));
  }

  test.each(Object.entries(views))(
    'on %s it is ours and readable, and operations are tried there',
    async (_, view) => {
      const page = await newPage(view);
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      await page.goto(`${app.url}/docs`);
      const blocks = page.locator('.opblock');
      await until('the operations', async () => (await blocks.count()) > 30);
      expect(await page.title()).toBe('Containers Control On-Demand API');
      const isDark = await page.evaluate(`document.documentElement.matches('.dark-mode')`);
      expect(isDark).toBe(view.colorScheme === 'dark');
      const bar = page.getByRole('banner');
      expect(await bar.textContent()).toBe('Containers Control On-Demand API');
      expect(await bar.getByRole('link').getAttribute('href')).toBe(`${app.url}/`);
      expect(await page.locator('body').textContent()).not.toMatch(/swagger|explore/i);

      await page.getByRole('button', { name: 'Authorize' }).click();
      await page.locator('.auth-container input').fill(app.tokens.admin);
      await page.getByRole('button', { name: 'Apply credentials' }).click();
      await page.getByRole('button', { name: 'Close' }).last().click();

      const execute = async (id: string, fields: Readonly<Record<string, string>> = {}) => {
        const block = page.locator(`#operations-${id}`);
        await block.locator('.opblock-summary-control').click();
        for (const [name, value] of Object.entries(fields))
          await block.getByPlaceholder(name).fill(value);
        await block.getByRole('button', { name: 'Execute' }).click();
        return block.locator('.live-responses-table tbody').textContent();
      };
      expect(await execute('containers-containers_list')).toMatch(/^200[\s\S]*"name": "nginx"/);
      const restarted = await execute('containers-containers_restart', { name: 'nginx' });
      expect(restarted).toMatch(/^200[\s\S]*"action": "restart"/);
      expect(complaints).toEqual([]);
      expect(await execute('vm-vm_start')).toMatch(/^409[\s\S]*VM already running/);
      expect(complaints.splice(0)).toEqual([expect.stringContaining('409')]);
      // Colours fade from one to the other.
      await until('enough contrast', async () => {
        const problems = await findContrastProblems(page);
        if (problems.length > 0) throw new Error(problems.join('\n'));
        return true;
      });

      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);

      await page.evaluate(openEachOnce);
      expect(complaints).toEqual([]);
      await page.context().close();
    },
  );
});
