import { createJobId } from "@latentfarm/contract";
import { expect, it } from "vitest";
import { frameKey, jobIdOf, jobKey } from "./keys.js";

it("jobIdOf() reads the job of its keys and of no other", () => {
  const jobId = createJobId({ nowMs: 0, random: new Uint8Array(10) });
  for (const key of [frameKey(jobId, 3, "png"), jobKey(jobId)]) expect(jobIdOf(key)).toBe(jobId);
  for (const key of ["", "jobs", "jobs/a/0.png", `spool/${jobId}/0.png`])
    expect(jobIdOf(key)).toBeUndefined();
});
