// Instances that OCI sends today, and may send one day.

import { expect, test } from 'vitest';
import { lifecycleStates } from '../model/vm.ts';
import { toInstance, toLifecycleState } from './to-instance.ts';

test.each(lifecycleStates)('%s stays as it is', (state) => {
  expect(toLifecycleState(state)).toBe(state);
});

test.each(['UNKNOWN_VALUE', 'HIBERNATED', 'running', '', '__proto__'])(
  '%j reads as MOVING, in which nothing is allowed',
  (value) => {
    expect(toLifecycleState(value)).toBe('MOVING');
  },
);

test('a nameless instance without a version still is one', () => {
  expect(toInstance({ lifecycleState: 'STOPPED' }, undefined)).toEqual({
    lifecycleState: 'STOPPED',
    displayName: 'oci-flex',
    etag: '',
  });
});

test.each([undefined, null, {}, { lifecycleState: 3 }])('%j is no instance', (raw) => {
  expect(toInstance(raw, 'e')).toBeUndefined();
});
