import type { BatchReport } from "@latentfarm/engine";
import {
  type FarmSpan,
  NO_TRACING,
  type StartOptions,
  type TraceContext,
  type Tracing,
} from "@latentfarm/telemetry";
import { describe, expect, it } from "vitest";
import { type BatchSpans, createBatchSpans } from "./batch-spans.js";

interface Made extends StartOptions {
  readonly context: TraceContext;
  endMs?: number | undefined;
}

/** Tracing that keeps what it is asked for; places named quiet are not recorded. */
function fakeTracing() {
  const made: Made[] = [];
  const tracing: Tracing = {
    ...NO_TRACING,
    isOn: true,
    isRecorded: (place) => !("quiet" in place),
    start: (_name, options = {}): FarmSpan => {
      const span: Made = { ...options, context: { run: made.length } };
      made.push(span);
      const end = (atMs?: number) => {
        span.endMs = atMs;
      };
      return { ...NO_TRACING.start("batches"), context: span.context, end };
    },
  };
  return { made, batches: createBatchSpans(tracing) };
}

function batchOf(frames: readonly number[], other: Partial<BatchReport> = {}): BatchReport {
  const rows = 2 * frames.length;
  return { rows, durationMs: 10, cap: 16, classKey: "a", limit: "empty", outcome: "ok", frames, ...other };
}

function tell(batches: BatchSpans, batch: BatchReport, endedMs: number): void {
  batches.tell({ ...batch, endedMs });
}

describe("createBatchSpans()", () => {
  it("makes one span of the calls with the same frames, linked to each and each to it", () => {
    const { made, batches } = fakeTracing();
    const [a, b] = [{ frame: "a" }, { frame: "b" }];
    const tags = [batches.enter(a), batches.enter(b)];
    tell(batches, batchOf(tags), 1_010);
    tell(batches, batchOf([...tags].reverse(), { cap: 8 }), 1_030);
    const links = batches.leave(Number(tags[1]));
    tell(batches, batchOf([Number(tags[0])]), 1_050);
    expect(batches.leave(Number(tags[0]))).toEqual([made[0]?.context, made[1]?.context]);
    expect(links).toEqual([made[0]?.context]);
    expect(made).toMatchObject([
      {
        parent: a,
        links: [a, b],
        startMs: 1_000,
        endMs: 1_030,
        attributes: {
          "farm.batch.calls": 2,
          "farm.batch.busy_ms": 20,
          "farm.batch.rows": 4,
          "farm.batch.cap": 8,
        },
      },
      { parent: a, links: [a], startMs: 1_040, endMs: 1_050 },
    ]);
  });

  it("keeps classes that take turns apart, and a call that failed from one that went well", () => {
    const { made, batches } = fakeTracing();
    const [a, b] = [batches.enter({}), batches.enter({})];
    for (let turn = 1; turn <= 3; turn++) {
      tell(batches, batchOf([a]), turn * 100);
      tell(batches, batchOf([b], { classKey: "b" }), turn * 100 + 50);
    }
    tell(batches, batchOf([a], { outcome: "out_of_memory" }), 400);
    batches.leave(a);
    batches.leave(b);
    const told = made.map(({ attributes }) => [
      attributes?.["farm.batch.class"],
      attributes?.["farm.batch.calls"],
      attributes?.["farm.batch.outcome"],
    ]);
    expect(told).toEqual([
      ["a", 3, "ok"],
      ["a", 1, "out_of_memory"],
      ["b", 3, "ok"],
    ]);
  });

  it("hangs a span below the first frame that is traced, counts those that are not, and makes none for them alone", () => {
    const { made, batches } = fakeTracing();
    const loud = { frame: "loud" };
    const [quiet, tag] = [batches.enter({ quiet: true }), batches.enter(loud)];
    tell(batches, batchOf([quiet, tag]), 100);
    batches.leave(tag);
    tell(batches, batchOf([quiet]), 200);
    expect(batches.leave(quiet)).toEqual([]);
    expect(made).toMatchObject([{ parent: loud, links: [loud], attributes: { "farm.batch.frames": 2 } }]);
  });

  it("gives a frame 32 links at most, and forgets what comes after it has left", () => {
    const { made, batches } = fakeTracing();
    const tag = batches.enter({});
    for (let rows = 1; rows <= 40; rows++) tell(batches, batchOf([tag], { rows }), rows);
    expect(batches.leave(tag)).toHaveLength(32);
    tell(batches, batchOf([tag]), 99);
    batches.leave(batches.enter({}));
    expect(made).toHaveLength(40);
  });

  it("does nothing while traces are off", () => {
    const batches = createBatchSpans(NO_TRACING);
    expect(batches.enter({})).toBe(0);
    tell(batches, batchOf([]), 1);
    expect(batches.leave(0)).toEqual([]);
  });
});
