// `/docs` in a real Chromium, opened in each of the ways that people open it: an "Execute" works.

import { beforeAll, expect, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { findFreePort } from '../support/free-port.ts';
import { type App, startApp } from '../support/start-app.ts';
import { proxyProblem, startProxy } from '../support/start-proxy.ts';
import { until } from '../support/until.ts';
import { type Browser, findChromium, startChromium } from './chromium.ts';
import { describeWith } from './describe-with.ts';

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
