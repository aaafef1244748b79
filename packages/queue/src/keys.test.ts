import { createJobId } from "@latentfarm/contract";
import { expect, it } from "vitest";
import { frameQueueId, placeOfFrame } from "./keys.js";

it("placeOfFrame() reads what frameQueueId() made", () => {
  const jobId = createJobId({ nowMs: 0, random: new Uint8Array(10) });
  expect(placeOfFrame(frameQueueId(jobId, 12))).toEqual({ jobId, index: 12 });
});
