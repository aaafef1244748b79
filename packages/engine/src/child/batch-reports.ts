import type { BatchReport, EndedBatch } from "../loop/run-call.js";

/**
 * Milliseconds that a report may wait for others: a message costs the two processes as much as counting ten reports, and
 * the demo model makes one every 5 ms. A scrape every 5 s does not see the difference.
 */
export const REPORTS_MS_MAX = 100;

/** Reports of step batches on their way to the host, several a message. */
export interface BatchReports {
  /** Takes in a call that has just ended. */
  tell(batch: BatchReport): void;
  /** Sends what waits. Whoever tells of a frame's last step or its end calls it before, so that nothing waits for long. */
  flush(): void;
}

/** What tests put in its place. */
export interface ReportClocks {
  /** Milliseconds on a clock that nobody sets. */
  readonly now: () => number;
  /** Milliseconds since 1970. */
  readonly today: () => number;
}

/** Gathers reports until the first call among them began {@link REPORTS_MS_MAX} ago: a call that takes longer is told at once. */
export function createBatchReports(
  send: (batches: readonly EndedBatch[]) => void,
  { now, today }: ReportClocks = { now: () => performance.now(), today: Date.now },
): BatchReports {
  let waiting: EndedBatch[] = [];
  let begunAt = 0;
  const flush = () => {
    if (waiting.length === 0) return;
    const batches = waiting;
    waiting = [];
    send(batches);
  };
  return {
    tell(batch) {
      const endedAt = now();
      if (waiting.length === 0) begunAt = endedAt - batch.durationMs;
      waiting.push({ ...batch, endedMs: today() });
      if (endedAt - begunAt >= REPORTS_MS_MAX) flush();
    },
    flush,
  };
}
