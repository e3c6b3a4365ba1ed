// Amounts of bytes as docker stats prints them.

/** `0B`, `10.55MiB`, `1.944GiB`: powers of 1024, four digits, as memory is counted. */
export function formatBinaryBytes(bytes: number): string {
  return format(bytes, { base: 1024, digits: 4, units: ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] });
}

/** `0B`, `1.23kB`, `45.6MB`: powers of 1000, three digits, as traffic is counted. */
export function formatDecimalBytes(bytes: number): string {
  return format(bytes, { base: 1000, digits: 3, units: ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] });
}

interface Scale {
  readonly base: number;
  readonly digits: number;
  readonly units: readonly [string, ...string[]];
}

/** Rounded before the unit is chosen, so that no amount reads `1000kB`. */
function format(bytes: number, { base, digits, units }: Scale): string {
  let amount = bytes;
  let [unit, ...larger] = units;
  for (const next of larger) {
    if (round(amount, digits) < base) break;
    amount /= base;
    unit = next;
  }
  return `${round(amount, digits)}${unit}`;
}

function round(amount: number, digits: number): number {
  return Number(amount.toPrecision(digits));
}
