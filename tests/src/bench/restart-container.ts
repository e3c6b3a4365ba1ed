// What an action costs beyond the Engine's own time.

import type { RealVm } from '../real-engine/start-real-vm.ts';
import { createHttpClient, createRestClient } from '../support/http-client.ts';
import { measureInRounds, median, medianRatio } from './alternating-rounds.ts';
import { atMost, type Section, toMs, toText } from './report.ts';
import { startBenchApp } from './server-env.ts';

const rounds = 15;

/** Restarts a container that stops at once, in turns by the Engine's own socket and through the API. */
export async function measureAction(vm: RealVm): Promise<Section> {
  await using app = await startBenchApp(vm);
  using engine = createHttpClient({ target: { socketPath: vm.dockerSocket } });
  using rest = createRestClient(app.url, app.tokens.admin);
  const path = '/containers/service-000/restart';
  const measured = await measureInRounds(rounds, {
    engine: () => time(() => engine.post(path)),
    rest: () => time(() => rest.post(path)),
  });
  const beyondMs = median(
    measured.rest.map((ms, round) => ms - (measured.engine[round] ?? Number.NaN)),
  );
  return {
    title: 'An action',
    about: `The restart of a running container that stops at once; medians of ${rounds} alternating rounds.`,
    rows: [
      { what: "the Engine's own socket", measured: toMs(median(measured.engine)), ratio: '1' },
      {
        what: '`POST /containers/{name}/restart`',
        measured: toMs(median(measured.rest)),
        ratio: `${toText(medianRatio(measured.rest, measured.engine))}× the Engine's`,
      },
      {
        what: "beyond the Engine's own time",
        measured: toMs(beyondMs),
        target: atMost(20, beyondMs, ' ms'),
      },
    ],
  };
}

async function time(call: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await call();
  return performance.now() - startedMs;
}
