const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;
const STEP = 1_000;
/** From here three digits round up to the next unit. */
const ROUNDS_UP = 999.5;

/** A size as people read it: decimal units, as disks and downloads are counted, three digits. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= ROUNDS_UP && unit < UNITS.length - 1) {
    value /= STEP;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${UNITS[unit]}`;
}
