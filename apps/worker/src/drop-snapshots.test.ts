import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDiskStore, type ObjectStore, snapshotKey } from "@latentfarm/storage";
import { createLogger } from "@latentfarm/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dropSnapshots } from "./drop-snapshots.js";
import { endedJob } from "./testing/ended-job.js";

const { id: ID } = endedJob([]);
const log = createLogger({ name: "worker", level: "silent" });

let root: string;
let store: ObjectStore;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "latentfarm-ended-"));
  store = createDiskStore(root);
});
afterAll(() => rm(root, { recursive: true, force: true }));

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
    const job = endedJob([
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
    await expect(dropSnapshots(away, endedJob([["failed", 3]]), log)).resolves.toBeUndefined();
  });
});
