import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJobId, type FrameRecord, type JobRecord, type Status } from "@latentfarm/contract";
import { createDiskStore, type ObjectStore, snapshotKey } from "@latentfarm/storage";
import { createLogger } from "@latentfarm/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dropSnapshots } from "./drop-snapshots.js";

const ID = createJobId({ nowMs: 1, random: new Uint8Array(10) });
const log = createLogger({ name: "worker", level: "silent" });

let root: string;
let store: ObjectStore;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "latentfarm-ended-"));
  store = createDiskStore(root);
});
afterAll(() => rm(root, { recursive: true, force: true }));

function jobOf(frames: readonly [Status, number][]): JobRecord {
  return {
    id: ID,
    status: "failed",
    created_at: "",
    started_at: null,
    finished_at: null,
    model: "demo",
    params: {
      prompt: "a",
      negative_prompt: "",
      model: "demo",
      width: 16,
      height: 16,
      steps: 1,
      guidance_scale: 1,
      sampler: "euler",
      scheduler: "simple",
      shift: 3,
      seed: "7",
      output_format: "png",
      output_quality: 90,
      num_images: frames.length,
      metadata: {},
      priority: "normal",
    },
    progress: { step: 0, steps: 1, frames_done: 0, frames: frames.length },
    position: null,
    eta_seconds: null,
    frames: frames.map(
      ([status, attempt], index): FrameRecord => ({
        index,
        seed: "7",
        status,
        attempt,
        result: null,
        error: null,
      }),
    ),
    error: null,
  };
}

describe("dropSnapshots()", () => {
  it("clears every frame that may have left one, and asks for no other", async () => {
    const info = { contentType: "application/octet-stream", metadata: {} };
    for (const index of [0, 1, 2, 3]) await store.put(snapshotKey(ID, index), Uint8Array.of(1), info);
    const asked: string[] = [];
    const watched: ObjectStore = {
      ...store,
      delete: (key) => {
        asked.push(key);
        return store.delete(key);
      },
    };
    const job = jobOf([
      ["failed", 3],
      ["succeeded", 2],
      ["canceled", 1],
      ["failed", 1],
      ["succeeded", 1],
      ["canceled", 0],
    ]);
    await dropSnapshots(watched, job, log);
    expect(asked).toEqual([0, 1, 2, 3].map((index) => snapshotKey(ID, index)));
    for (const index of [0, 1, 2, 3]) expect(await store.head(snapshotKey(ID, index))).toBeUndefined();
  });

  it("leaves what a store that is away does not delete", async () => {
    const away: ObjectStore = { ...store, delete: () => Promise.reject(new Error("away")) };
    await expect(dropSnapshots(away, jobOf([["failed", 3]]), log)).resolves.toBeUndefined();
  });
});
