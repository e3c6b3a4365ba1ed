import { expect, test } from 'vitest';
import { createFaults, takeFault } from './faults.ts';

test('each assignment and removal is told with its area, and reset() removes all', () => {
  const faults = createFaults();
  const areas: string[] = [];
  const end = faults.onChange((area) => areas.push(area));
  faults.ssh.mode = 'refuse';
  faults.oci.status = 429;
  delete faults.ssh.mode;
  faults.docker.hangs = true;
  faults.reset();
  expect(areas).toEqual(['ssh', 'oci', 'ssh', 'docker', 'oci', 'docker']);
  expect([faults.oci, faults.ssh, faults.docker, faults.oidc]).toEqual([{}, {}, {}, {}]);
  end();
  faults.oci.status = 500;
  expect(areas).toHaveLength(6);
});

test('takeFault() hits what `only` accepts, as often as `times` says', () => {
  const faults = createFaults();
  faults.oidc.times = 2;
  faults.oidc.only = ({ path }) => path === '/jwks';
  const take = (path: string) => takeFault(faults.oidc, { method: 'GET', path });
  expect([take('/token'), take('/jwks'), take('/jwks'), take('/jwks')]).toEqual([
    false,
    true,
    true,
    false,
  ]);
});
