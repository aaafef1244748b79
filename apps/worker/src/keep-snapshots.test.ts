import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJobId, FarmError } from "@latentfarm/contract";
import { SNAPSHOT_BYTES_MAX } from "@latentfarm/queue";
import { createDiskStore, type ObjectStore, snapshotKey } from "@latentfarm/storage";
import { createLogger } from "@latentfarm/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSnapshotKeeper } from "./keep-snapshots.js";

const JOB = createJobId({ nowMs: 0, random: new Uint8Array(10) });
const KEY = snapshotKey(JOB, 0);
const SMALL = { bytes: Uint8Array.of(1, 2, 3), step: 2, steps: 4 };
const LARGE = { bytes: new Uint8Array(SNAPSHOT_BYTES_MAX + 1).fill(7), step: 3, steps: 4 };
const log = createLogger({ name: "worker", level: "silent" });

let root: string;
let store: ObjectStore;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "latentfarm-snapshots-"));
  store = createDiskStore(root);
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A frame whose snapshots lie in a variable instead of Redis. */
function newFrame() {
  const kept: { bytes: Uint8Array | undefined; steps: number[] } = { bytes: undefined, steps: [] };
  const frame = {
    jobId: JOB,
    index: 0,
    attempt: 1,
    tenant: "default",
    loadSnapshot: async () => kept.bytes,
    saveSnapshot: async (bytes: Uint8Array, step: number) => {
      kept.bytes = bytes;
      kept.steps.push(step);
    },
  };
  return { frame, kept };
}

describe("createSnapshotKeeper()", () => {
  it("keeps a small snapshot in Redis alone", async () => {
    const { frame, kept } = newFrame();
    const keeper = createSnapshotKeeper({ frame, store, log });
    keeper.save(SMALL);
    await keeper.settled();
    expect(kept).toEqual({ bytes: SMALL.bytes, steps: [2] });
    expect(await store.head(KEY)).toBeUndefined();
    expect(await createSnapshotKeeper({ frame, store, log }).load()).toEqual(SMALL.bytes);
  });

  it("keeps a large one in the store, for the next attempt to load and to clear", async () => {
    const { frame, kept } = newFrame();
    const first = createSnapshotKeeper({ frame, store, log });
    first.save(LARGE);
    await first.settled();
    expect(kept.bytes?.length).toBeLessThan(100);
    const next = createSnapshotKeeper({ frame, store, log });
    expect(Buffer.compare((await next.load()) ?? Buffer.of(), LARGE.bytes)).toBe(0);
    await next.forget();
    expect(await store.head(KEY)).toBeUndefined();
    expect(await next.load()).toBeUndefined();
  });

  it("lets only the newest wait while the queue is slow", async () => {
    const { frame, kept } = newFrame();
    let answer: () => void = () => undefined;
    const away = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const slow = {
      ...frame,
      saveSnapshot: async (bytes: Uint8Array, step: number) => {
        await away;
        return frame.saveSnapshot(bytes, step);
      },
    };
    const keeper = createSnapshotKeeper({ frame: slow, store, log });
    for (const step of [1, 2, 3, 4]) keeper.save({ ...SMALL, step });
    answer();
    await keeper.settled();
    expect(kept.steps).toEqual([1, 4]);
  });

  it("draws on when nothing can be kept or found", async () => {
    const away = async () => {
      throw new FarmError("queue_unavailable", "Cannot reach the queue");
    };
    const { frame } = newFrame();
    const keeper = createSnapshotKeeper({
      frame: { ...frame, loadSnapshot: away, saveSnapshot: away },
      store,
      log,
    });
    keeper.save(SMALL);
    await keeper.settled();
    await keeper.forget();
    expect(await keeper.load()).toBeUndefined();
  });
});
