// A list entry of Docker, or of something like it, as a container.

import { expect, test } from 'vitest';
import { containerSchema } from '../../model/container.ts';
import { containerListSchema } from '../engine/schemas.ts';
import { toContainer, toName, toState } from './to-container.ts';

const id = 'ab12'.repeat(16);

test('toContainer() says what docker ps says', () => {
  const container = toContainer({
    Id: id,
    Names: ['/other/alias', '/web'],
    Image: 'nginx:1.27',
    ImageID: 'sha256:00',
    State: 'running',
    Status: 'Up 3 hours (healthy)',
    Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
    Labels: { a: 'b' },
  });
  expect(container).toEqual({
    id,
    name: 'web',
    state: 'running',
    image: 'nginx:1.27',
    ports: '0.0.0.0:8080->80/tcp',
    uptime: 'Up 3 hours (healthy)',
    labels: { a: 'b' },
  });
});

test('toContainer() survives an engine that says next to nothing', () => {
  for (const blank of [undefined, null]) {
    const [summary] = containerListSchema.parse([
      { Id: id, Names: blank, State: blank, Status: blank, Ports: blank, Labels: blank, New: 1 },
    ]);
    const container = summary && toContainer(summary);
    expect(containerSchema.parse(container)).toEqual({
      name: id.slice(0, 12),
      state: 'exited',
      image: '<no image>',
      ports: '',
      uptime: 'Exited',
    });
  }
});

test.each([
  [['/web'], 'web'],
  [['web'], 'web'],
  [['/db/alias', '/web/alias', '/web'], 'web'],
  [['/'], 'ab12ab12ab12'],
  [[], 'ab12ab12ab12'],
])('toName() finds the name in %j', (names, name) => {
  expect(toName(names, id)).toBe(name);
});

test.each([
  ['running', 'Up 1 second', 'running'],
  ['RUNNING', '', 'running'],
  ['exited', 'Exited (0) 2 days ago', 'exited'],
  ['dead', '', 'dead'],
  ['removing', 'Removal In Progress', 'removing'],
  ['stopped', 'Exited (0) 2 days ago', 'exited'],
  ['stopping', '', 'running'],
  ['configured', '', 'created'],
  ['initialized', '', 'created'],
  ['', 'Up 5 minutes (Paused)', 'paused'],
  ['', 'Up 5 minutes', 'running'],
  ['', 'Restarting (1) 3 seconds ago', 'restarting'],
  ['', 'Removal In Progress', 'removing'],
  ['', 'Created', 'created'],
  ['', 'Dead', 'dead'],
  ['hibernating', 'Exited (137) 1 hour ago', 'exited'],
  ['__proto__', 'Up 1 second', 'running'],
  ['constructor', '', 'exited'],
  ['', '', 'exited'],
])('toState() reads %j with status %j', (state, status, expected) => {
  expect(toState(state, status)).toBe(expected);
});
