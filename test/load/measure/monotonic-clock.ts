const NS_PER_MS = 1e6;

/** Milliseconds on a clock that every process of this machine shares and nobody sets (CLOCK_MONOTONIC on Linux). */
export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / NS_PER_MS;
}
