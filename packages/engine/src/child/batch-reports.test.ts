import { describe, expect, test } from "vitest";
import type { BatchReport, EndedBatch } from "../loop/run-call.js";
import { createBatchReports, REPORTS_MS_MAX } from "./batch-reports.js";

const BATCH: BatchReport = {
  rows: 2,
  durationMs: 5,
  cap: 16,
  classKey: ":8x8/154",
  limit: "empty",
  outcome: "ok",
  frames: [1],
};

function gather() {
  const sent: (readonly EndedBatch[])[] = [];
  let nowMs = 0;
  const clocks = { now: () => nowMs, today: () => 1_700_000_000_000 + nowMs };
  const reports = createBatchReports((batches) => sent.push(batches), clocks);
  return {
    sent,
    reports,
    endAt: (atMs: number, durationMs = 5) => {
      nowMs = atMs;
      reports.tell({ ...BATCH, durationMs });
    },
  };
}

describe("createBatchReports()", () => {
  test("sends calls that are short together, each once and with the time of its end", () => {
    const { sent, reports, endAt } = gather();
    for (let call = 1; call <= 45; call++) endAt(5 * call);
    expect(sent.map(({ length }) => length)).toEqual([20, 20]);
    reports.flush();
    expect(sent.flat().map(({ endedMs }) => endedMs - 1_700_000_000_000)).toEqual(
      Array.from({ length: 45 }, (_, call) => 5 * (call + 1)),
    );
  });

  test("sends a call at once that took as long as a report may wait", () => {
    const { sent, endAt } = gather();
    endAt(1_000, REPORTS_MS_MAX);
    endAt(1_050, REPORTS_MS_MAX / 2);
    expect(sent.map(({ length }) => length)).toEqual([1]);
  });

  test("sends nothing where nothing waits", () => {
    const { sent, reports, endAt } = gather();
    reports.flush();
    endAt(5);
    reports.flush();
    reports.flush();
    expect(sent).toHaveLength(1);
  });
});
