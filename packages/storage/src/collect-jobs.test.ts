import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJobId, type JobId } from "@latentfarm/contract";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CollectOptions, collectJobs } from "./collect-jobs.js";
import { createDiskStore } from "./disk-store.js";
import { listSidecars, writeSidecar } from "./job-sidecar.js";
import { frameKey, jobKey } from "./keys.js";
import type { ObjectStore } from "./object-store.js";
import { removeEmptyFolder } from "./remove-empty-folder.js";
import { jobRecord } from "./testing/job-record.js";

const NOW_MS = Date.UTC(2026, 5, 1);
const DAY_MS = 86_400_000;
const PNG = { contentType: "image/png", metadata: {} };

let root: string;
let store: ObjectStore;
let jobs = 0;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "latentfarm-gc-"));
  store = createDiskStore(root);
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A job with two pictures that ended so many days ago, or has not ended. */
async function addJob(tenant: string, daysAgo: number | undefined): Promise<JobId> {
  const id = createJobId({ nowMs: jobs++, random: new Uint8Array(10) });
  for (const index of [0, 1]) await store.put(frameKey(id, index, "png"), Buffer.from("abc"), PNG);
  const finishedAt = daysAgo === undefined ? undefined : new Date(NOW_MS - daysAgo * DAY_MS).toISOString();
  if (finishedAt !== undefined) await writeSidecar(store, jobRecord({ id, tenant, finished_at: finishedAt }));
  return id;
}

async function collect(changes: Partial<CollectOptions> = {}): Promise<JobId[]> {
  const ids: JobId[] = [];
  const options: CollectOptions = {
    ageMsOf: () => 30 * DAY_MS,
    nowMs: NOW_MS,
    isUnfinished: async () => false,
    isDryRun: false,
    onDamaged: () => undefined,
    ...changes,
  };
  for await (const { id } of collectJobs(store, options)) ids.push(id);
  return ids.sort();
}

describe("collectJobs()", () => {
  it("removes what ended longer ago than it is kept, and leaves the rest", async () => {
    const [old, fresh, running] = [
      await addJob("a", 31),
      await addJob("a", 30),
      await addJob("a", undefined),
    ];
    expect(await collect()).toEqual([old]);
    expect(await store.head(frameKey(old, 0, "png"))).toBeUndefined();
    expect(await store.head(jobKey(old))).toBeUndefined();
    for (const id of [fresh, running]) expect(await store.head(frameKey(id, 1, "png"))).toBeDefined();
    await removeEmptyFolder(root, old);
    await removeEmptyFolder(root, fresh);
    expect((await readdir(join(root, "jobs"))).sort()).toEqual([fresh, running].sort());
    expect(await collect()).toEqual([]);
  });

  it("goes by each tenant's own age, and keeps for ever what has none", async () => {
    const [brief, long] = [await addJob("brief", 2), await addJob("long", 2)];
    await addJob("other", 900);
    const ages = new Map([
      ["brief", DAY_MS],
      ["long", 3 * DAY_MS],
    ]);
    expect(await collect({ ageMsOf: (tenant) => ages.get(tenant) })).toEqual([brief]);
    expect(await store.head(jobKey(long))).toBeDefined();
  });

  it("never removes a job that the queue has work for", async () => {
    const [retried, old] = [await addJob("a", 31), await addJob("a", 31)];
    expect(await collect({ isUnfinished: async (id) => id === retried })).toEqual([old]);
    expect(await store.head(frameKey(retried, 0, "png"))).toBeDefined();
  });

  it("removes nothing in a dry run, and tells the same", async () => {
    const old = await addJob("a", 31);
    expect(await collect({ isDryRun: true })).toEqual([old]);
    expect(await collect({ isDryRun: true })).toEqual([old]);
  });

  it("leaves a job whose history is damaged, and says so", async () => {
    const old = await addJob("a", 31);
    await store.put(jobKey(old), Buffer.from("{"), PNG);
    const damaged: JobId[] = [];
    expect(await collect({ onDamaged: (id) => damaged.push(id) })).toEqual([]);
    expect(damaged).toEqual([old]);
  });

  it("takes up a removal that was cut off", async () => {
    const old = await addJob("a", 31);
    let deletions = 0;
    const cut = {
      ...store,
      delete: async (key: string) => (++deletions > 1 ? Promise.reject(new Error("cut")) : store.delete(key)),
    };
    const options = {
      ageMsOf: () => DAY_MS,
      nowMs: NOW_MS,
      isUnfinished: async () => false,
      isDryRun: false,
      onDamaged: () => undefined,
    };
    await expect(collectJobs(cut, options).next()).rejects.toThrow("cut");
    const left: JobId[] = [];
    for await (const id of listSidecars(store)) left.push(id);
    expect(left).toEqual([old]);
    expect(await collect()).toEqual([old]);
  });
});
