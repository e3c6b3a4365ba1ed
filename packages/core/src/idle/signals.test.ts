// The signals: what each counts as use, whom it names, and what it does not know.

import { describe, expect, test } from 'vitest';
import type { RunningContainer, VmConnection, VmObservation } from '../adapter-ports.ts';
import type { SignalName } from '../model/idle.ts';
import { findHostPorts, toNetworksSeen } from './connections.ts';
import { type ObservationParts, toReadings } from './signals.ts';

const now = 1_770_545_731;

function observe(changes: Partial<VmObservation> = {}): VmObservation {
  return {
    now,
    readySince: now - 86_400,
    ssh: { port: 22, own: { address: '203.0.113.1', port: 1000 } },
    apis: [],
    uses: new Map(),
    unknownAt: undefined,
    announced: undefined,
    leases: [],
    jobs: [],
    tables: new Map([['host', []]]),
    cut: new Set(),
    unreadable: new Set(),
    ...changes,
  };
}

function container(name: string, changes: Partial<RunningContainer> = {}): RunningContainer {
  return {
    ...{ id: name, name, labels: {}, pid: 42, network: 'own', addresses: ['172.17.0.2'] },
    ...{
      gateways: ['172.17.0.1'],
      ports: [80],
      published: [{ port: 80, hostPort: 8080 }],
      ...changes,
    },
  };
}

function toEnd(text: string) {
  const at = text.lastIndexOf(':');
  return { address: text.slice(0, at), port: Number(text.slice(at + 1)) };
}

/** `LOCAL REMOTE` */
function connections(...texts: string[]): VmConnection[] {
  return texts.map((text) => {
    const [local = '', remote = ''] = text.split(' ');
    return { local: toEnd(local), remote: toEnd(remote) };
  });
}

function read(name: SignalName, parts: Partial<ObservationParts> = {}) {
  const whole = {
    observation: observe(),
    containers: { value: [] },
    cpu: { value: [] },
    probes: [],
    action: undefined,
    ...parts,
  };
  return toReadings(whole, { cpuPercent: 20, actionSeconds: 60 }).find(
    (reading) => reading.name === name,
  );
}

describe('connections', () => {
  const of = (value: readonly RunningContainer[], changes: Partial<VmObservation>) =>
    read('connections', { containers: { value }, observation: observe(changes) });
  const tables = (own: readonly VmConnection[], host: readonly VmConnection[] = []) => ({
    tables: new Map([
      ['42', own],
      ['host', host],
    ]),
  });

  test('name the container, its port and the address of who is connected', () => {
    expect(
      of([container('nginx')], tables(connections('172.17.0.2:80 198.51.100.7:51234'))),
    ).toEqual({
      name: 'connections',
      state: 'used',
      value: 1,
      threshold: 0,
      lastUsed: now,
      by: 'nginx:80 from 198.51.100.7:51234',
    });
    const six = connections('2001:db8::2:80 2001:db8::5:40000');
    expect(of([container('nginx')], tables(six))?.by).toBe('nginx:80 from [2001:db8::5]:40000');
  });

  test('of the container with itself are none', () => {
    const inside = connections(
      '172.17.0.2:80 172.17.0.2:5000',
      '127.0.0.1:80 127.0.0.1:5001',
      '::1:80 ::1:5002',
      '172.18.0.9:80 172.17.0.2:5003',
    );
    expect(of([container('nginx')], tables(inside))).toMatchObject({ state: 'unused', value: 0 });
  });

  test('through Docker’s proxy name who is connected to that', () => {
    const host = connections(
      '203.0.113.9:8080 198.51.100.7:51234',
      '203.0.113.9:9999 198.51.100.8:1',
    );
    expect(
      of([container('nginx')], tables(connections('172.17.0.2:80 172.17.0.1:40000'), host))?.by,
    ).toBe('nginx:80 from 198.51.100.7:51234');
    expect(
      of([container('nginx')], tables(connections('172.17.0.2:80 172.17.0.1:40000')))?.by,
    ).toBe('nginx:80 from 172.17.0.1:40000');
  });

  test('from another container name it', () => {
    const web = container('web', { pid: 43, addresses: ['172.17.0.3'] });
    expect(
      of([container('db'), web], tables(connections('172.17.0.2:5432 172.17.0.3:5000')))?.by,
    ).toBe('db:5432 from web at 172.17.0.3:5000');
  });

  test('of an ignored container do not count, and those in a shared network count where it belongs', () => {
    const ignored = container('db', { labels: { 'ondemand.idle': 'ignore' } });
    const shared = container('sidecar', { network: 'shared' });
    expect(of([ignored, shared], tables(connections('172.17.0.2:80 198.51.100.7:1')))?.state).toBe(
      'unused',
    );
  });

  describe('in a network that is shared', () => {
    const client = connections('172.17.0.2:8080 198.51.100.7:1');
    const vpn = container('vpn', { pid: 41, published: [{ port: 8080, hostPort: 8080 }] });
    const ignored = { ...vpn, labels: { 'ondemand.idle': 'ignore' } };
    const sharer = container('torrent', {
      ...{ network: 'shared', networkOwner: 'vpn', addresses: [], gateways: [], published: [] },
    });
    /** Both tables are of the one network. */
    const seen = { tables: new Map(['41', '42'].map((pid) => [pid, client] as const)) };

    test('are counted once, where that belongs', () => {
      expect(of([vpn, sharer], seen)).toMatchObject({
        value: 1,
        by: 'vpn:8080 from 198.51.100.7:1',
      });
      expect(toNetworksSeen([vpn, sharer])).toEqual([vpn]);
    });

    test.each([
      ['whose container is ignored', [ignored, sharer]],
      ['whose container does not run', [sharer]],
      [
        'whose container is ignored, by its id',
        [
          { ...ignored, id: 'f00' },
          { ...sharer, networkOwner: 'f00' },
        ],
      ],
    ])('are counted by who shares it: one %s', (_, containers) => {
      expect(of(containers, seen)?.by).toBe('torrent:8080 from 198.51.100.7:1');
      expect(of(containers, { tables: new Map([['42', []]]) })?.state).toBe('unused');
      expect(of(containers, { unreadable: new Set(['42']) })).toMatchObject({ state: 'unknown' });
    });

    test('name who is connected through the proxy of its container', () => {
      const proxied = connections('172.17.0.2:8080 172.17.0.1:40000');
      const host = connections('203.0.113.9:8080 198.51.100.7:51234');
      const tables = new Map([
        ['42', proxied],
        ['host', host],
      ]);
      expect(of([ignored, sharer], { tables })?.by).toBe('torrent:8080 from 198.51.100.7:51234');
      expect(findHostPorts([ignored, sharer])).toEqual([8080]);
    });

    test('of a container on the VM’s own network are of that one', () => {
      const owner = { ...ignored, network: 'host' as const };
      const host = connections('203.0.113.9:80 198.51.100.7:1', '203.0.113.9:22 198.51.100.7:2');
      const tables = new Map([['host', host]]);
      expect(of([owner, sharer], { tables })?.by).toBe('torrent:80 from 198.51.100.7:1');
    });

    test('of which both are ignored do not count', () => {
      expect(of([ignored, { ...sharer, labels: ignored.labels }], seen)?.state).toBe('unused');
    });
  });

  test('on the VM’s own network go by the ports that the label or the image names, else are unknown', () => {
    const host = connections('203.0.113.9:80 198.51.100.7:1');
    const plain = container('caddy', { network: 'host', pid: 50 });
    expect(of([plain], tables([], host))?.by).toBe('caddy:80 from 198.51.100.7:1');
    const labelled = { ...plain, labels: { 'ondemand.idle.ports': '81, 82' } };
    expect(of([labelled], tables([], host))?.state).toBe('unused');
    const reading = of([{ ...plain, ports: [] }], tables([], host));
    expect(reading).toMatchObject({
      state: 'unknown',
      value: null,
      reason: expect.stringContaining("'caddy'"),
    });
    expect(reading?.reason).toContain('ondemand.idle.ports');
  });

  test('that cannot be read are unknown, unless others are seen', () => {
    const hidden = observe({ unreadable: new Set(['42']) });
    const reading = read('connections', {
      containers: { value: [container('nginx')] },
      observation: hidden,
    });
    expect(reading).toMatchObject({ state: 'unknown', reason: expect.stringContaining('hidepid') });
    const both = observe({
      unreadable: new Set(['42']),
      tables: new Map([['43', connections('172.17.0.3:80 198.51.100.7:1')]]),
    });
    const value = [container('nginx'), container('web', { pid: 43 })];
    expect(read('connections', { containers: { value }, observation: both })?.state).toBe('used');
    expect(read('connections', { containers: { reason: 'Docker is down' } })).toMatchObject({
      state: 'unknown',
      reason: 'Docker is down',
    });
    expect(
      of([container('busy')], { tables: new Map([['42', []]]), cut: new Set(['42']) })?.state,
    ).toBe('unknown');
  });

  test('of a container that ended while it was read are none', () => {
    expect(of([container('gone')], { tables: new Map() })?.state).toBe('unused');
  });

  test('of many are told in one line', () => {
    const many = connections(
      ...Array.from({ length: 200 }, (_, index) => `172.17.0.2:80 198.51.100.7:${index + 1}`),
    );
    const reading = of([container('nginx')], tables(many));
    expect(reading?.value).toBe(200);
    expect(reading?.by).toMatch(/, and 195 more$/);
  });
});

describe('sessions', () => {
  const host = connections(
    '10.0.0.5:22 203.0.113.1:1000',
    '10.0.0.5:22 203.0.113.2:2000',
    '10.0.0.5:22 198.51.100.9:3000',
    '10.0.0.5:443 198.51.100.9:1',
  );
  const apis = [{ id: 'bb', end: { address: '203.0.113.2', port: 2000 }, rules: {} }];

  test('are connections to sshd that are none of a process of the API', () => {
    const tables = new Map([['host', host]]);
    expect(read('sessions', { observation: observe({ tables, apis }) })).toMatchObject({
      state: 'used',
      value: 1,
      by: 'ssh from 198.51.100.9:3000',
    });
    expect(
      read('sessions', {
        observation: observe({ tables: new Map([['host', host.slice(0, 2)]]), apis }),
      })?.state,
    ).toBe('unused');
  });

  test('are unknown where sshd or /proc does not tell', () => {
    const { ssh: _, ...without } = observe();
    expect(read('sessions', { observation: without })).toMatchObject({
      state: 'unknown',
      reason: expect.stringContaining('SSH_CONNECTION'),
    });
    expect(
      read('sessions', { observation: observe({ unreadable: new Set(['host']) }) })?.state,
    ).toBe('unknown');
  });

  test('are unknown where the list of connections was cut, unless one was seen in it', () => {
    const cut = new Set(['host']);
    const [own, api, person] = host;
    const of = (...seen: (VmConnection | undefined)[]) =>
      read('sessions', {
        observation: observe({
          tables: new Map([['host', seen.filter((each) => each !== undefined)]]),
          apis,
          cut,
        }),
      });
    expect(of(own, api)).toMatchObject({
      state: 'unknown',
      reason: 'the VM has too many connections to read each, so sessions may be among them',
    });
    expect(of()?.state).toBe('unknown');
    expect(of(own, api, person)).toMatchObject({ state: 'used', value: 1 });
  });
});

test.each(['jobs', 'leases'] as const)(
  '%s are unknown where their folder cannot be read',
  (name) => {
    const observation = observe({ unreadable: new Set([name]) });
    expect(read(name, { observation })).toMatchObject({
      state: 'unknown',
      reason: `the folder ${name} that the API keeps on the VM cannot be read, or is not of its user any more`,
    });
  },
);

test('cpu is what all containers use together, and names the busiest', () => {
  const value = [
    { name: 'a', percent: 12.34 },
    { name: 'b', percent: 8 },
    { name: 'c', percent: 0.2 },
  ];
  expect(read('cpu', { cpu: { value } })).toMatchObject({
    state: 'used',
    value: 20.5,
    threshold: 20,
    by: 'a 12 %, b 8 %',
  });
  expect(read('cpu', { cpu: { value: value.slice(1) } })).toMatchObject({
    state: 'unused',
    value: 8.2,
    by: null,
  });
  expect(read('cpu', { cpu: { reason: 'late' } })).toMatchObject({
    state: 'unknown',
    threshold: 20,
    reason: 'late',
  });
});

test('jobs and leases name who, and a lease was last used when it ended', () => {
  expect(read('jobs', { observation: observe({ jobs: [{ id: 'j1', target: 'web' }] }) })?.by).toBe(
    'job j1 on web',
  );
  const lease = {
    id: 'l',
    sub: 'ana',
    clientId: 'phone',
    reason: 'a film',
    since: now - 99,
    until: now + 9,
  };
  expect(read('leases', { observation: observe({ leases: [lease] }) })).toMatchObject({
    state: 'used',
    by: 'ana (a film)',
  });
  expect(
    read('leases', { observation: observe({ leases: [{ ...lease, until: now - 9 }] }) }),
  ).toMatchObject({
    state: 'unused',
    lastUsed: now - 9,
  });
});

test('actions are use for a moment, whichever process they went through', () => {
  const uses = new Map([['actions', { at: now - 600, by: 'stop of web by ben' }] as const]);
  expect(read('actions', { observation: observe({ uses }) })).toMatchObject({
    state: 'unused',
    lastUsed: now - 600,
    by: 'stop of web by ben',
  });
  const action = { at: now - 5, by: 'restart of web by ana' };
  expect(read('actions', { observation: observe({ uses }), action })).toMatchObject({
    state: 'used',
    value: 1,
    by: action.by,
  });
});

test.each([
  [0, 'used'],
  [1, 'unused'],
  [2, 'unknown'],
  [126, 'unknown'],
  [undefined, 'unknown'],
] as const)('a probe that ends with %s is %s', (value, state) => {
  const reading = read('probe', { probes: [{ container: 'game', exitCode: { value } }] });
  expect(reading?.state).toBe(state);
  if (state === 'unknown') expect(reading?.reason).toContain("'game'");
});

test('a busy probe is use although another one is unknown, and one that cannot be run is unknown', () => {
  const probes = [
    { container: 'a', exitCode: { reason: 'gone' } },
    { container: 'b', exitCode: { value: 0 } },
  ];
  expect(read('probe', { probes })).toMatchObject({ state: 'used', by: 'b' });
  expect(read('probe', { probes: probes.slice(0, 1) })).toMatchObject({
    state: 'unknown',
    reason: expect.stringContaining('gone'),
  });
});

test('a container with the label keep keeps the VM on while it runs', () => {
  const value = [container('mc', { labels: { 'ondemand.idle': 'keep' } })];
  expect(read('probe', { containers: { value } })).toMatchObject({
    state: 'used',
    by: 'mc (ondemand.idle=keep)',
  });
  expect(read('probe', { containers: { reason: 'down' } })?.state).toBe('unknown');
});

test('what is not used now was last used when the VM remembers', () => {
  const uses = new Map([['sessions', { at: now - 700, by: 'ssh from 198.51.100.9:1' }] as const]);
  expect(read('sessions', { observation: observe({ uses }) })).toMatchObject({
    state: 'unused',
    lastUsed: now - 700,
    by: 'ssh from 198.51.100.9:1',
  });
});
