// A followed log on a real engine: every line once, whatever happens meanwhile, in little memory.

import { type Sandbox, startSandbox } from '@ondemand/sandbox';
import { beforeAll, expect, test } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../faults/tcp-proxy.ts';
import { baseImage } from '../real-engine/base-image.ts';
import { describeRealEngine } from '../real-engine/real-engine-problem.ts';
import { type RealVm, startRealVm } from '../real-engine/start-real-vm.ts';
import { openSuite } from '../support/disposer.ts';
import { forgetPeak, readPeakBytes } from '../support/memory.ts';
import { openSse, type SseMessage } from '../support/sse.ts';
import { type ServerProcess, startServer } from '../support/start-api-process.ts';
import { type App, createCaller } from '../support/start-sandbox-and-api.ts';
import { until } from '../support/until.ts';

const lineCount = 100_000;
const runs = 3;
const numbers = 'counter';

/** Each run of the container prints its third of the numbers, and waits to be restarted. */
const program = `
run=$(cat /run 2>/dev/null || echo 0); echo $((run + 1)) > /run
share=$((${lineCount} / ${runs} + 1)); from=$((run * share)); to=$((from + share))
[ $to -gt ${lineCount} ] && to=${lineCount}
while [ $from -lt $to ]; do
  next=$((from + 5000)); [ $next -gt $to ] && next=$to
  seq $((from + 1)) $next | sed 's|^|line |'
  from=$next
done
exec sleep 100000`;

describeRealEngine('followed logs on a real engine', () => {
  let vm: RealVm;
  let sandbox: Sandbox;
  let server: ServerProcess;
  let proxy: TcpProxy;
  let app: Pick<App, 'get' | 'getJson' | 'postJson'>;
  beforeAll(() =>
    openSuite(async (opened) => {
      sandbox = opened.use(await startSandbox());
      vm = opened.use(await startRealVm());
      proxy = opened.use(await startTcpProxy(vm.sshd.port));
      server = opened.use(
        await startServer({
          ...sandbox.env,
          ...vm.env,
          SSH_HOST: '127.0.0.1',
          SSH_PORT: String(proxy.port),
          SSH_HOST_KEY_FINGERPRINT: vm.sshd.hostKeyFingerprint,
        }),
      );
      const [read, admin] = await Promise.all([sandbox.tokens.read(), sandbox.tokens.admin()]);
      app = createCaller(server.url, { read, admin });
    }),
  );

  test('a hundred thousand lines come once and in order over ten lost connections and two restarts', async () => {
    const onVm = ['--init', '--network', 'host'];
    await vm.docker('create', '--name', numbers, ...onVm, baseImage, 'sh', '-c', program);
    await using log = await openSse(app, `/containers/${numbers}/logs/stream?tail=all`);
    await vm.docker('start', numbers);
    let expected = 1;
    let cuts = 0;
    let restarts = 0;
    for await (const message of log.messages) {
      const { line } = readLine(message);
      if (line !== `line ${expected}`) expect.unreachable(`${line} came for line ${expected}`);
      // Ever further apart: after each the engine reads the log from its beginning.
      if (expected === Math.floor(((cuts + 0.5) / 10) ** 2 * lineCount)) {
        cuts += 1;
        proxy.reset();
      }
      // By then the engine has taken the run's last line, as nobody reads slower than this.
      if (restarts < runs - 1 && expected === (restarts + 1) * (Math.floor(lineCount / runs) + 1)) {
        restarts += 1;
        await vm.docker('restart', '--time', '1', numbers);
      }
      if (expected === lineCount) break;
      expected += 1;
    }
    expect({ cuts, restarts }).toEqual({ cuts: 10, restarts: 2 });
  });

  test('a reader who comes back with Last-Event-ID goes on behind the line that it had', async () => {
    const path = `/containers/${numbers}/logs/stream?tail=1000`;
    let lastEventId: string | undefined;
    const seen: string[] = [];
    while (seen.length < 1000) {
      await using log = await openSse(app, path, { lastEventId });
      for (let count = 0; count < 500; count += 1) {
        const message = await log.next();
        seen.push(readLine(message).line);
        lastEventId = message?.id;
      }
    }
    expect(seen).toEqual(
      Array.from({ length: 1000 }, (_, index) => `line ${lineCount - 999 + index}`),
    );
  });

  test('a reader of 100 kB a second costs less than 60 MB', async () => {
    // Warm, and every line once, so that what is measured is the waiting and not the code.
    await readFor(1_000_000, Number.POSITIVE_INFINITY);
    await forgetPeak(server.pid);
    const before = await readPeakBytes(server.pid);
    await readFor(1_000_000, 100_000);
    expect((await readPeakBytes(server.pid)) - before).toBeLessThan(60_000_000);
  });

  /** Reads so many bytes of the whole log at that speed, then leaves. */
  async function readFor(bytes: number, bytesPerSecond: number): Promise<void> {
    const leaving = new AbortController();
    const response = await app.get(`/containers/${numbers}/logs/stream?tail=all`, {
      signal: leaving.signal,
    });
    const startedMs = performance.now();
    let taken = 0;
    for await (const chunk of response.body ?? []) {
      taken += chunk.length;
      if (taken >= bytes) break;
      await until(
        'the next turn',
        () => taken <= ((performance.now() - startedMs) / 1000) * bytesPerSecond,
      );
    }
    leaving.abort();
    expect(taken).toBeGreaterThanOrEqual(bytes);
  }
});

function readLine(message: SseMessage | undefined): { readonly line: string } {
  if (message?.event !== 'message') return expect.unreachable(`${message?.event} ${message?.data}`);
  return JSON.parse(message.data) as { line: string }; // checked by comparison
}
