// What an inspection shows of the environment: no value of it, wherever else it stands.

import { describe, expect, test } from 'vitest';
import { containerInspectionSchema } from '../../model/inspection.ts';
import { containerDetailsSchema } from '../engine/schemas.ts';
import { toInspection } from './to-inspection.ts';

const id = `${'c0ffee'.repeat(10)}beef`;
const start = '2026-02-08T10:00:00Z';

async function convert(answer: object) {
  const details = containerDetailsSchema.parse({ Id: id, State: {}, ...answer });
  return containerInspectionSchema.parse(await toInspection(details));
}

describe('values of the environment', () => {
  const secret = 'hunter22/ß';
  const repeated = {
    Name: '/web',
    Path: '/bin/sh',
    Args: ['-c', `TOKEN=${secret} serve --token=${secret} -p a1c`],
    State: {
      Status: 'exited',
      Error: `exec: "${secret}": not found`,
      Health: {
        Status: 'unhealthy',
        FailingStreak: 3,
        Log: [
          { Start: start, ExitCode: 1, Output: `GET /?t=${encodeURIComponent(secret)} failed` },
          { Start: start, ExitCode: 1, Output: `${'x'.repeat(4000)}hunter22...` },
        ],
      },
    },
    Config: {
      Image: 'registry/hunter22/ß',
      Env: [`TOKEN=${secret}`, 'PIN=a1c', 'HOME=/root'],
      User: secret,
      WorkingDir: `/srv/${secret}`,
      Labels: { [`on.${secret}`]: `at ${secret}`, [`on.${'***'}`]: 'other', pin: 'a1c' },
      Healthcheck: { Test: ['CMD-SHELL', `curl -H "Bearer ${secret}" http://x`] },
    },
    HostConfig: { Tmpfs: { [`/t/${secret}`]: '' } },
    Mounts: [
      {
        Type: 'volume',
        Name: secret,
        Source: `/v/${secret}`,
        Destination: `/d/${secret}`,
        RW: true,
      },
    ],
    NetworkSettings: { Networks: { net: { Aliases: ['web', secret] } } },
  };

  test('are shown nowhere, except where a name or an image has them', async () => {
    const { image, ...inspection } = await convert(repeated);
    expect(image).toBe('registry/hunter22/ß');
    const shown = JSON.stringify(inspection);
    expect(shown).not.toContain('hunter22');
    expect(shown).not.toContain(encodeURIComponent(secret));
    expect(shown).not.toMatch(/\ba1c\b/);
    expect(inspection.environment).toEqual(['TOKEN', 'PIN', 'HOME']);
    expect(inspection.command).toEqual(['/bin/sh', '-c', 'TOKEN=*** serve --token=*** -p ***']);
    expect(inspection.health?.checks[1]?.output).toBe(`${'x'.repeat(4000)}***...`);
  });

  test('that are no secret leave the answer readable', async () => {
    const inspection = await convert({
      Name: '/paperless-db-1',
      Path: 'sleep',
      Args: ['100000'],
      State: {
        Health: {
          Status: 'healthy',
          Log: [{ Start: start, ExitCode: 0, Output: 'pg 16.4 ok as paperless with hunter22' }],
        },
      },
      Config: {
        Image: 'postgres:16.4',
        User: 'postgres',
        Env: [
          'PGDATA=/pgdata/main',
          'ENABLE=true',
          'DELAY=1000',
          'RUN_AS=postgres',
          'COMPOSE=paperless',
          'POSTGRES_USER=paperless',
          'PG_VERSION=16.4',
          'POSTGRES_PASSWORD=hunter22',
        ],
        Labels: { 'traefik.enable': 'true', 'com.docker.compose.project': 'paperless' },
        Healthcheck: { Test: ['CMD', 'pg_isready', '-U', 'paperless'] },
      },
      Mounts: [{ Type: 'volume', Name: 'data', Source: '/v/data', Destination: '/pgdata/main' }],
    });
    expect(inspection).toMatchObject({
      command: ['sleep', '100000'],
      user: 'postgres',
      health: {
        test: ['CMD', 'pg_isready', '-U', 'paperless'],
        checks: [{ output: 'pg 16.4 ok as paperless with ***' }],
      },
      labels: { 'traefik.enable': 'true', 'com.docker.compose.project': 'paperless' },
      mounts: [{ name: 'data', source: '/v/data', destination: '/pgdata/main' }],
    });
  });

  test('stay hidden where there are thousands of them, in texts of hundreds of kilobytes', async () => {
    const Env = Array.from({ length: 3000 }, (_, n) => `V${n}=value-${n}-${'x'.repeat(100)}`);
    const values = Env.map((entry) => entry.slice(entry.indexOf('=') + 1));
    const { labels } = await convert({
      Config: {
        Env,
        Labels: {
          long: values.join(' '),
          plain: 'of the web',
          ...Object.fromEntries(values.map((value, n) => [`l${n}`, `${n}: ${value};`])),
        },
      },
    });
    expect(JSON.stringify(labels)).not.toContain('value-');
    expect(labels).toMatchObject({
      plain: 'of the web',
      l7: '7: ***;',
      long: expect.stringMatching(/^\*\*\*.*…$/),
    });
  });

  test('are not shown where nobody can tell what they are', async () => {
    const Env = [`BIG=${'value '.repeat(200_000)}`];
    expect((await convert({ Path: 'run', Config: { Env, Labels: { a: 'b' } } })).command).toEqual([
      '***',
    ]);
  });

  test('do not make two labels one', async () => {
    expect((await convert(repeated)).labels).toEqual({
      'on.***': 'at ***',
      'on.*** (2)': 'other',
      pin: '***',
    });
  });
});

test('an environment that cannot be read is no environment to show around', () => {
  const broken = { Id: id, State: {}, Config: { Env: { TOKEN: 'hunter22' } } };
  expect(containerDetailsSchema.safeParse(broken).success).toBe(false);
});
