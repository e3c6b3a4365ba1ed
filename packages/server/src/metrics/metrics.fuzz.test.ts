// Whatever is counted, Prometheus can read it: https://prometheus.io/docs/instrumenting/exposition_formats/

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('"', '\\', '\n', '"} 1\nevil 1', '/containers/:name', '', '\ud800'),
);

const name = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const label = `${name}="(?:[^"\\\\\\n]|\\\\["\\\\n])*"`;
const value = '(?:[+-]?(?:\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?|Inf)|NaN|Nan)';
const sample = new RegExp(`^${name}(?:\\{${label}(?:,${label})*\\})? ${value}$`, 'i');

test('the text is one that Prometheus reads, whatever is counted', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(text, text, fc.integer(), fc.double({ min: 0, max: 1e6, noNaN: true })), {
        maxLength: 5,
      }),
      fc.nat(),
      async (counted, seconds) => {
        const metrics = createMetrics();
        for (const [method, route, status, took] of counted) {
          metrics.onAnswered({ method, route, status, seconds: took });
          metrics.onDockerRequest({ operation: route, status, durationMs: took });
        }
        const lines = await metrics.read({
          use: { state: 'RUNNING', jobsRunning: 1, onSeconds: seconds, usedSeconds: 0 },
          link: { connected: true, channels: { commands: 1, sockets: 2 } },
          issuerAnswers: true,
          auditIsWritable: undefined,
        });
        for (const line of lines.split('\n'))
          if (line !== '' && !/^# (?:HELP|TYPE) /.test(line)) expect(line).toMatch(sample);
      },
    ),
  );
});
