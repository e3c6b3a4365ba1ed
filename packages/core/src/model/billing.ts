// What stopping an instance saves, which its shape decides.

/**
 * Whether Oracle goes on billing an instance of this shape while it is stopped: those with disks or cards of their own.
 * https://docs.oracle.com/iaas/Content/Compute/Tasks/restartinginstance.htm#resource-billing
 *
 * @example
 * isBilledWhileStopped('VM.Standard.A1.Flex'); // false
 */
export function isBilledWhileStopped(shape: string): boolean {
  if (/^(?:VM|BM)\.GPU/.test(shape)) return !/^VM\.GPU\.A10(?:\.|$)/.test(shape);
  return /^(?:VM|BM)\.(?:DenseIO|HPC)/.test(shape);
}
