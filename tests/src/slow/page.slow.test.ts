// The page for people in a real Chromium, on a phone: signed in at the issuer, and every thing that it can do.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { openSuite } from '../support/disposer.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { type App, startApp } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';
import { findChromium } from './chromium.ts';
import { describeWith } from './describe-or-skip.ts';

/** Where screenshots are kept, when somebody wants to look at them. */
const shots = process.env.ONDEMAND_SCREENSHOTS;

const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true } as const;
const views = {
  'phone-dark': { ...phone, colorScheme: 'dark' },
  'desktop-light': { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
} as const;

for (const [viewName, view] of Object.entries(views)) {
  describeWith(findChromium(), `the page in Chromium, ${viewName}`, ({ program }) => {
    let app: App;
    let browser: Browser;
    beforeAll(() =>
      openSuite(async (opened) => {
        app = opened.use(
          await startApp({
            sandbox: {
              durations: { startMs: 500, stopMs: 500, softStopMs: 500, bootMs: 500 },
            },
            env: { RETURN_ORIGINS: 'https://cloud.example.com' },
          }),
        );
        browser = opened.use(await launchChromium(program)).browser;
      }),
    );

    interface Opened extends AsyncDisposable {
      readonly page: Page;
      readonly context: BrowserContext;
      /** What the browser refused or failed at. */
      readonly complaints: readonly string[];
    }

    async function open(path = '/'): Promise<Opened> {
      const context = await browser.newContext(view);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error' && !/favicon/.test(message.location().url))
          complaints.push(message.text());
      });
      await page.goto(`${app.url}${path}`);
      return { page, context, complaints, [Symbol.asyncDispose]: () => context.close() };
    }

    async function signIn(page: Page, allow = 'Allow everything'): Promise<void> {
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByRole('button', { name: allow }).click();
      await page.waitForURL(`${app.url}/**`);
    }

    async function usePastedToken(page: Page, token: string): Promise<void> {
      await page.getByLabel(/access token/i).fill(token);
      await page.getByRole('button', { name: 'Use token' }).click();
    }

    /** As a thumb does. */
    async function hold(page: Page, name: RegExp, ms = 1300): Promise<void> {
      await page.getByRole('button', { name }).hover();
      await page.mouse.down();
      await page.waitForTimeout(ms);
      await page.mouse.up();
    }

    /** By axe's rules: https://dequeuniversity.com/rules/axe */
    async function findBarriers(page: Page): Promise<readonly string[]> {
      await page.evaluate(axe.source); // evaluated by the protocol, which the page's own policy does not bind
      const results = await page.evaluate<AxeResults>('axe.run()');
      return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html)}`);
    }

    /** How far the page could be scrolled sideways. */
    const overflowOf = (page: Page) =>
      page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');

    /** The next wakes of the page end so; what comes after them goes through. */
    async function failWakes(page: Page, failures: ('no host' | 'lost')[]): Promise<void> {
      const message = 'OCI has no host for it';
      const details = { reason: 'OUT_OF_CAPACITY', requestId: 'r', retryAfterSeconds: 1 };
      const data = { error: 'OCI', code: 'SERVICE_UNAVAILABLE', message, details, httpStatus: 503 };
      await page.route('**/trpc/vm.wake**', (route) => {
        const failure = failures.shift();
        if (failure === undefined) return route.continue();
        if (failure === 'lost') return route.abort();
        return route.fulfill({ status: 503, json: { error: { message, code: -32000, data } } });
      });
    }

    async function keepShot(page: Page, name: string): Promise<void> {
      if (shots === undefined) return;
      await mkdir(shots, { recursive: true });
      await page.screenshot({ path: join(shots, `${viewName}-${name}.png`), fullPage: true });
    }

    const phaseOf = async (page: Page) => (await page.locator('.phase').textContent()) ?? '';
    const row = (page: Page, name: string) =>
      page.getByRole('button', { name: new RegExp(`^${name} `) });

    test('signs in by PKCE, stops by holding, wakes in stages, and starts over', async () => {
      await using opened = await open();
      const { page } = opened;
      await keepShot(page, 'sign-in');
      await signIn(page);
      await row(page, 'nginx').waitFor();
      expect(new URL(page.url()).search).toBe(''); // the code is gone from the address
      expect(await phaseOf(page)).toBe('On');
      await keepShot(page, 'on');

      await hold(page, /^Stop oci-flex/, 300);
      expect(await phaseOf(page)).toBe('On'); // let go too early
      await hold(page, /^Stop oci-flex/);
      await until('the VM to be off', async () => (await phaseOf(page)) === 'Asleep');
      await keepShot(page, 'asleep');
      const words = new Set<string>();
      await page.getByRole('button', { name: 'Wake' }).click();
      await until('the VM to be on', async () => {
        const word = (await phaseOf(page)).replace(/ .*/, '');
        if (word === 'Waking' && !words.has(word)) await keepShot(page, 'waking');
        words.add(word);
        return word === 'On';
      });
      expect(words).toContain('Waking');
      await row(page, 'nginx').waitFor();
      expect(opened.complaints).toEqual([]);
    });

    test('has nothing that axe finds', async () => {
      await using opened = await open();
      const { page } = opened;
      expect(await findBarriers(page)).toEqual([]);
      await usePastedToken(page, app.tokens.admin);
      await row(page, 'nginx').click();
      await page.getByRole('button', { name: 'Logs', exact: true }).click();
      await page.locator('.why').click();
      await page.locator('.log pre div').first().waitFor();
      await page.getByPlaceholder('what for').waitFor();
      expect(await findBarriers(page)).toEqual([]);
      expect(await overflowOf(page)).toBe(0);
    });

    test('names, subjects and messages of any length never make it scroll sideways', async () => {
      const long = 'a'.repeat(200);
      const { engine } = app.sandbox.vm;
      engine.add({ name: long, image: long });
      onTestFinished(() => engine.remove(long));
      const token = app.sandbox.oidc.sign({ sub: long, scope: 'read admin' });
      await using opened = await open();
      const { page } = opened;
      await page.route('**/trpc/whoami**', (route) => route.abort());
      await usePastedToken(page, token);
      await page.getByText('Could not reach').waitFor();
      expect(await overflowOf(page)).toBe(0);
      await page.unroute('**/trpc/whoami**');
      await row(page, long).click();
      await hold(page, /^Restart a/);
      await page.getByText(new RegExp(`${long} (re)?start`)).waitFor();
      await page.getByText(`${long}: restart ${long}`).waitFor();
      await page.locator('.why').click();
      await page.getByPlaceholder('what for').fill(long);
      await page.getByRole('button', { name: 'Keep', exact: true }).click();
      const lease = page.locator('.lease', { hasText: `: ${long}` });
      await lease.waitFor();
      expect(await overflowOf(page)).toBe(0);
      await keepShot(page, 'long-names');
      await lease.getByRole('button', { name: 'Release' }).click();
      await lease.waitFor({ state: 'detached' });

      await using waking = await open(`/wake/${long}`);
      await usePastedToken(waking.page, token);
      await waking.page.getByText('Awake').waitFor();
      expect(await overflowOf(waking.page)).toBe(0);
    });

    test('goes on with a renewed token once the first has ended', async () => {
      const { settings } = app.sandbox.oidc;
      const usual = settings.accessTokenTtlSeconds;
      onTestFinished(() => {
        settings.accessTokenTtlSeconds = usual;
      });
      settings.accessTokenTtlSeconds = 25;
      await using opened = await open();
      const { page } = opened;
      await signIn(page);
      await row(page, 'nginx').waitFor();
      const before = app.sandbox.oidc.count('/token');
      await until('the token to be renewed', async () => {
        await page.locator('.why').click(); // asks for the verdict
        return app.sandbox.oidc.count('/token') > before;
      });
      expect(opened.complaints).toEqual([]);
    });

    test('restarts a container by holding, by the keyboard too, follows its log over that, and rebuilds with live output', async () => {
      await using opened = await open();
      const { page } = opened;
      await usePastedToken(page, app.tokens.admin);
      await row(page, 'nginx').click();
      await page.getByRole('button', { name: 'Logs', exact: true }).click();
      const lines = page.locator('.log pre div');
      await lines.first().waitFor();
      await page.getByRole('button', { name: /^Restart nginx/ }).focus();
      await page.keyboard.down('Enter');
      await page.waitForTimeout(1300);
      await page.keyboard.up('Enter');
      await page
        .getByText(/nginx (start|restart|healthy|health)/)
        .first()
        .waitFor();
      app.sandbox.vm.engine.appendLog(
        'nginx',
        'stdout',
        '\x1b[31mafter\x1b[0m the <b>restart</b>\n',
      );
      const written = lines.filter({ has: page.locator('.fg1', { hasText: 'after' }) });
      expect(await written.textContent()).toBe('after the <b>restart</b>');
      await keepShot(page, 'log');

      await hold(page, /^Rebuild nginx/);
      const build = page.getByRole('log', { name: 'Output of the build' });
      await build.getByText('— succeeded').waitFor();
      expect(await build.locator('div').count()).toBeGreaterThan(1);
      await page.getByText(/: rebuild nginx$/).waitFor(); // and who did it
      await keepShot(page, 'rebuilt');
      expect(opened.complaints).toEqual([]);
    });

    test('keeps the VM on, says so with its reason, and lets it go', async () => {
      await using opened = await open();
      const { page } = opened;
      await usePastedToken(page, app.tokens.admin);
      await page.getByRole('button', { name: 'Keep 1 h' }).click();
      await page.getByText(/^Used: /).click();
      await page.getByText(/keeps it on until .*: from the page/).waitFor();
      await page.getByPlaceholder('what for').fill('a film');
      await page.getByRole('button', { name: 'Keep', exact: true }).click();
      await page.getByText(/keeps it on until .*: a film/).waitFor();
      await keepShot(page, 'why');
      for (const reason of ['a film', 'from the page']) {
        const lease = page.locator('.lease', { hasText: reason });
        await lease.getByRole('button', { name: 'Release' }).click();
        await lease.waitFor({ state: 'detached' });
      }
      expect(opened.complaints).toEqual([]);
    });

    test('offers a reader nothing that the token does not allow', async () => {
      await using opened = await open();
      const { page } = opened;
      await signIn(page, 'Allow reading');
      await row(page, 'nginx').click();
      await page.getByRole('button', { name: 'Logs', exact: true }).waitFor();
      for (const name of [/Stop/, /Keep/, /Restart/, /Rebuild/, /Wake/])
        expect(await page.getByRole('button', { name }).count()).toBe(0);
    });

    test('says that a token is refused, and lets another one be used', async () => {
      await using opened = await open();
      for (const [token, reason] of [
        ['no token', /cannot have/],
        ['no.real.token', /token/i],
      ] as const) {
        await usePastedToken(opened.page, token);
        await opened.page.getByRole('alert').getByText(reason).waitFor();
      }
      await usePastedToken(opened.page, app.tokens.read);
      await row(opened.page, 'nginx').waitFor();
    });

    test('offline it shows the last state with its time, and back it is right at once', async () => {
      await using opened = await open();
      const { page, context } = opened;
      await usePastedToken(page, app.tokens.read);
      await row(page, 'postgres').waitFor();
      await context.setOffline(true);
      await page.getByText(/offline, as of \d/).waitFor();
      await keepShot(page, 'offline');
      await (await app.post('/containers/postgres/stop')).text();
      await context.setOffline(false);
      await row(page, 'postgres').getByText('exited', { exact: true }).waitFor();
      expect(await page.getByText(/offline/).count()).toBe(0);
      await (await app.post('/containers/postgres/start')).text();
    });

    test('a second page sees each change, and none of them counts as use', async () => {
      await using first = await open();
      await using second = await open();
      for (const { page } of [first, second]) {
        await usePastedToken(page, app.tokens.admin);
        await row(page, 'nginx').waitFor();
      }
      await row(first.page, 'vaultwarden').click();
      await hold(first.page, /^Stop vaultwarden/);
      await row(second.page, 'vaultwarden').getByText('exited', { exact: true }).waitFor();
      const { signals, leases } = await app.getJson<{
        signals: readonly { name: string; state: string }[];
        leases: readonly { sub: string }[];
      }>('/vm/idle');
      const used = signals.flatMap(({ name, state }) => (state === 'used' ? [name] : []));
      expect(['actions', 'leases']).toEqual(expect.arrayContaining(used)); // the stop above; logs of tests before
      for (const { sub } of leases) expect(sub).toMatch(/^ondemand:/);
    });

    test('a wake goes on over a lack of hosts and a lost connection, and says when it tries next', async () => {
      await using opened = await open('/wake/nginx');
      const { page } = opened;
      await failWakes(page, ['no host', 'lost']);
      await usePastedToken(page, app.tokens.admin);
      await page.getByText(/OCI has no host for it; next try in 0:0\d/).waitFor();
      await page.getByText(/Could not reach .*; next try in 0:0\d/).waitFor();
      await page.getByText('Awake').waitFor();
      expect(await page.getByText('next try').count()).toBe(0);

      await (await app.post('/vm/stop')).text();
      await until('the VM to be off', async () => {
        const { lifecycleState } = await app.getJson<{ lifecycleState: string }>('/vm/status');
        return lifecycleState === 'STOPPED';
      });
      const only = ({ operation }: { operation: string }) => operation === 'InstanceAction';
      Object.assign(app.sandbox.faults.oci, { outOfCapacity: true, times: 1, only });
      await using waiting = await open('/wake/nginx');
      await usePastedToken(waiting.page, app.tokens.admin);
      await waiting.page.getByText(/Oracle has no free host; next try in 0:0\d/).waitFor();
      await waiting.page.getByText('Awake').waitFor();

      await using overview = await open();
      await failWakes(overview.page, ['lost', 'no host']);
      await usePastedToken(overview.page, app.tokens.admin);
      await hold(overview.page, /^Stop oci-flex/);
      await overview.page.getByRole('button', { name: 'Wake' }).click();
      await overview.page.getByText(/OCI has no host for it; next try in 0:0\d/).waitFor();
      await until('the VM to be on', async () => (await phaseOf(overview.page)) === 'On');
      expect(await overview.page.getByRole('alert').count()).toBe(0);
    });

    test('/wake/{name} wakes the VM and the container, and leads on where it may', async () => {
      const to = encodeURIComponent('https://cloud.example.com/files');
      await using opened = await open(`/wake/nginx?to=${to}`);
      const { page, context } = opened;
      await context.route('https://cloud.example.com/**', (route) =>
        route.fulfill({ body: 'there' }),
      );
      await (await app.post('/vm/stop')).text();
      await signIn(page);
      await page.waitForURL('https://cloud.example.com/files');
      expect(await app.getJson('/containers/nginx/status')).toMatchObject({ state: 'running' });

      await using astray = await open('/wake/nginx?to=https%3A%2F%2Fevil.example.com%2F');
      await usePastedToken(astray.page, app.tokens.admin);
      await astray.page.getByText('not among RETURN_ORIGINS').waitFor();
      await astray.page.getByText('Awake').waitFor();
      await using reader = await open('/wake/nginx');
      await usePastedToken(reader.page, app.tokens.read);
      await reader.page.getByText('needs the scope wake').waitFor();
      expect(await phaseOf(reader.page)).not.toBe('Awake');
      await keepShot(astray.page, 'wake');
      expect(astray.page.url()).toContain(app.url);
    });
  });
}
