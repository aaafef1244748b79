import type { BatchReport, EndedBatch } from "@latentfarm/engine";
import type { TraceContext, Tracing } from "@latentfarm/telemetry";

/**
 * Runs of step batches that a frame has links to. One has as many runs as frames join and leave while it steps; in a full
 * engine that could be each of its steps, and no reader follows so many.
 */
const LINKS_MAX = 32;

/** Makes the spans of step batches: one for each run of calls with the same frames. */
export interface BatchSpans {
  /** Takes in a frame that goes to the engine, whose spans hang below `place`; gives the tag by which reports name it. */
  enter(place: TraceContext): number;
  /** Lets go of a frame; gives the spans of the runs that it was in. */
  leave(tag: number): readonly TraceContext[];
  /** Takes in one call. */
  tell(batch: EndedBatch): void;
}

interface Seat {
  readonly place: TraceContext;
  readonly runs: TraceContext[];
}

/** Calls one after the other with the same frames, as many rows and the same end. */
interface Run {
  readonly first: BatchReport;
  last: BatchReport;
  readonly startMs: number;
  endMs: number;
  calls: number;
  busyMs: number;
}

/**
 * A call serves frames of several jobs, so it belongs to no trace more than to another: its span hangs below the first of
 * its frames that is traced and has a link to each, and each has a link back. The engine reports calls and the worker makes
 * the spans: the engine's event loop stands still during a run, its process may die at any moment, and the collector's
 * address and password have no business where model files are parsed.
 */
export function createBatchSpans(tracing: Tracing): BatchSpans {
  const seats = new Map<number, Seat>();
  const open = new Map<string, Run>();
  let tags = 0;

  function end(run: Run): void {
    const present = run.first.frames.flatMap((tag) => seats.get(tag) ?? []);
    const traced = present.filter(({ place }) => tracing.isRecorded(place));
    const [lead] = traced;
    if (lead === undefined) return;
    const span = tracing.start("batches", {
      parent: lead.place,
      startMs: run.startMs,
      links: traced.map(({ place }) => place),
      attributes: attributesOf(run),
    });
    span.end(run.endMs);
    for (const { runs } of traced) if (runs.length < LINKS_MAX) runs.push(span.context);
  }

  return {
    enter(place) {
      if (!tracing.isOn) return 0;
      tags += 1;
      seats.set(tags, { place, runs: [] });
      return tags;
    },
    leave(tag) {
      for (const [key, run] of open) {
        if (!run.first.frames.includes(tag)) continue;
        open.delete(key);
        end(run);
      }
      const runs = seats.get(tag)?.runs ?? [];
      seats.delete(tag);
      return runs;
    },
    tell(batch) {
      const { endedMs } = batch;
      // What comes of frames that have left is of nobody's trace.
      if (!batch.frames.some((tag) => seats.has(tag))) return;
      const known = open.get(batch.classKey);
      if (known !== undefined && goesOn(known.first, batch)) {
        known.last = batch;
        known.endMs = endedMs;
        known.calls += 1;
        known.busyMs += batch.durationMs;
        return;
      }
      if (known !== undefined) end(known);
      const startMs = endedMs - batch.durationMs;
      const begun = { startMs, endMs: endedMs, calls: 1, busyMs: batch.durationMs };
      open.set(batch.classKey, { first: batch, last: batch, ...begun });
    },
  };
}

function goesOn(first: BatchReport, next: BatchReport): boolean {
  const isSame = first.rows === next.rows && first.outcome === next.outcome;
  return (
    isSame &&
    first.frames.length === next.frames.length &&
    first.frames.every((tag) => next.frames.includes(tag))
  );
}

function attributesOf({ first, last, calls, busyMs }: Run) {
  return {
    "farm.batch.calls": calls,
    "farm.batch.busy_ms": busyMs,
    "farm.batch.rows": first.rows,
    "farm.batch.frames": first.frames.length,
    "farm.batch.cap": last.cap,
    "farm.batch.limit": last.limit,
    "farm.batch.class": first.classKey,
    "farm.batch.outcome": first.outcome,
  } as const;
}
