const MS_PER_SECOND = 1_000;

/** What tells the time and waits; tests put a clock of their own here. */
export interface LoopClock {
  nowMs(): number;
  sleep(ms: number): Promise<void>;
}

/** How calls arrive. */
export interface OpenLoopOptions {
  readonly ratePerSecond: number;
  /** Calls in all; the loop is as long as they take at the rate. */
  readonly count: number;
  /** Calls without an answer at once; those above it are not sent but counted, so that memory stays bounded. */
  readonly inFlightMax: number;
  /** Resolves to whether the call was accepted. A rejection counts as failed. */
  send(index: number): Promise<boolean>;
  readonly clock: LoopClock;
}

/** What became of the calls. */
export interface OpenLoopResult {
  /** Milliseconds from when each accepted call was due, not from when it was sent, to its answer. */
  readonly latenciesMs: readonly number[];
  /** Milliseconds by which each call was sent after it was due: the generator's own part in the latencies. */
  readonly lateMs: readonly number[];
  readonly failed: number;
  readonly unsent: number;
  /** From the first call's time to the last answer. */
  readonly elapsedMs: number;
}

/**
 * Sends calls at their times whether or not earlier ones are answered, as clients who do not know each other do. A
 * closed loop would wait with its next call while the server is slow, and leave out the very times that were bad.
 * Source: Gil Tene, "How NOT to measure latency" (coordinated omission).
 */
export async function runOpenLoop(options: OpenLoopOptions): Promise<OpenLoopResult> {
  const { ratePerSecond, count, clock } = options;
  const latenciesMs: number[] = [];
  const lateMs: number[] = [];
  const inFlight = new Set<Promise<void>>();
  let failed = 0;
  let unsent = 0;
  const startMs = clock.nowMs();
  const dueAt = (index: number): number => startMs + (index * MS_PER_SECOND) / ratePerSecond;
  const sendOne = async (index: number): Promise<void> => {
    const accepted = await options.send(index).catch(() => false);
    if (accepted) latenciesMs.push(clock.nowMs() - dueAt(index));
    else failed++;
  };
  for (let next = 0; next < count; ) {
    const nowMs = clock.nowMs();
    for (; next < count && dueAt(next) <= nowMs; next++) {
      if (inFlight.size >= options.inFlightMax) {
        unsent++;
        continue;
      }
      lateMs.push(nowMs - dueAt(next));
      const call: Promise<void> = sendOne(next).finally(() => inFlight.delete(call));
      inFlight.add(call);
    }
    if (next < count) await clock.sleep(dueAt(next) - clock.nowMs());
  }
  await Promise.all(inFlight);
  return { latenciesMs, lateMs, failed, unsent, elapsedMs: clock.nowMs() - startMs };
}
