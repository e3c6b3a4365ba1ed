import { expect, test } from 'vitest';
import { isBilledWhileStopped } from './billing.ts';

test.each([
  ['VM.Standard.A1.Flex', false],
  ['VM.Standard.E5.Flex', false],
  ['VM.Standard.E2.1.Micro', false],
  ['VM.Optimized3.Flex', false],
  ['BM.Standard.E4.128', false],
  ['VM.GPU.A10.1', false],
  ['VM.GPU.A10.2', false],
  ['BM.GPU.A10.4', true],
  ['VM.GPU2.1', true],
  ['VM.GPU3.4', true],
  ['BM.GPU.A100-v2.8', true],
  ['VM.DenseIO2.8', true],
  ['VM.DenseIO.E4.Flex', true],
  ['BM.DenseIO.E5.128', true],
  ['BM.HPC2.36', true],
])('%s is billed while stopped: %s', (shape, expected) => {
  expect(isBilledWhileStopped(shape)).toBe(expected);
});
