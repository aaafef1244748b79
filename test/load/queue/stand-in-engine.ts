import { setTimeout as delay } from "node:timers/promises";
import type { FrameWork } from "@latentfarm/queue";

/** Milliseconds between two progress reports of a frame, as a worker gives them (apps/worker, report-progress.ts). */
const PROGRESS_MS = 200;

/** Steps of a frame that takes its time only. */
const STEPS = 28;

/** How long a frame takes. */
export interface StandInFrame {
  readonly frameMs: number;
  /** The share of `frameMs` by which frames differ, up and down. */
  readonly jitter: number;
  /** Whether steps are told, as a real worker tells them. */
  readonly progress: boolean;
}

/** Spends a frame's time as an engine would: steps are told now and then, a cancel ends it. */
export async function standIn(
  frame: Pick<FrameWork, "started" | "progress" | "signal">,
  { frameMs, jitter, progress }: StandInFrame,
): Promise<void> {
  await frame.started();
  const durationMs = frameMs * (1 + jitter * (2 * Math.random() - 1));
  const reports = progress ? Math.max(Math.floor(durationMs / PROGRESS_MS), 1) : 0;
  for (let report = 1; report <= reports; report++) {
    await delay(durationMs / reports, undefined, { signal: frame.signal });
    // Not awaited: an engine goes on with its next step meanwhile.
    void frame.progress(Math.round((STEPS * report) / reports), STEPS);
  }
  if (reports === 0) await delay(durationMs, undefined, { signal: frame.signal });
}
