import type { JobId, WireEvent } from "@latentfarm/contract";
import { expect, test } from "vitest";
import { createStepCounter } from "./progress.js";

const JOB: JobId = "job_00000000000000000000000000" as JobId; // a brand without its check: the id is never read

const progress = (index: number, step: number): WireEvent => ({
  id: 1,
  job_id: JOB,
  timestamp: "",
  type: "frame.progress",
  data: { index, attempt: 1, step, steps: 10 },
});

test("createStepCounter() sums the frames' steps, and falls back with a frame that starts over", () => {
  const count = createStepCounter(2);
  expect(count(progress(0, 4))).toEqual({ step: 4, steps: 20, done: 0 });
  expect(count(progress(1, 3))).toEqual({ step: 7, steps: 20, done: 0 });
  expect(count(progress(0, 1))).toEqual({ step: 4, steps: 20, done: 0 });
});
