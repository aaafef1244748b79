import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ObjectStore } from "@latentfarm/storage";
import { holdModel, MARK_FILE, placeOf, pruneModels, verifyModel } from "@latentfarm/storage/model-cache";
import { createS3Store } from "@latentfarm/storage/s3";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TEST_LIMITS, useBuckets } from "./buckets.js";
import {
  type BucketModel,
  newCache,
  PART_BYTES,
  type PullPlace,
  pull,
  putModel,
  type Told,
} from "./model-bucket.js";
import { type S3Proxy, startS3Proxy } from "./s3-proxy.js";

const { isMissing, server, newBucket } = useBuckets();

const MODEL_BYTES = 10 * PART_BYTES + 7;
const BIG = "checkpoints/sd35.safetensors";
const SLOW_DOWN = { kind: "error", status: 503, code: "SlowDown" } as const;
const DENIED = { kind: "error", status: 403, code: "AccessDenied" } as const;

let proxy: S3Proxy;
let store: ObjectStore;
let model: BucketModel;
let cache: Awaited<ReturnType<typeof newCache>>;
let place: PullPlace;
let dir: string;

beforeEach(async () => {
  if (isMissing) return;
  const settings = await newBucket();
  store = createS3Store(settings, { limits: TEST_LIMITS });
  proxy = await startS3Proxy(server().port);
  model = await putModel(store, MODEL_BYTES);
  cache = await newCache();
  place = { bucket: settings.bucket, endpoint: proxy.endpoint, cache: cache.dir };
  dir = path.join(cache.dir, "sd35");
});
afterEach(async () => {
  await proxy?.[Symbol.asyncDispose]();
  await cache?.[Symbol.asyncDispose]();
});

/** Each file is there as it is in the bucket, and nothing is left of the way there. */
async function expectWhole(): Promise<void> {
  for (const [name, bytes] of model.files) {
    expect(Buffer.compare(await readFile(path.join(dir, name)), bytes)).toBe(0);
  }
  const left = await readdir(path.join(cache.dir, ".pulls"));
  expect(left.filter((name) => !/^sd35\.(used|lock\.\d+)$/.test(name))).toEqual([]);
}

const requestsOf = (name: string): number =>
  proxy.requests.filter((line) => line.startsWith("GET") && line.includes(name)).length;

async function isAbsent(file: string): Promise<boolean> {
  return stat(file).then(
    () => false,
    () => true,
  );
}

const troubles = (told: Told): string[] => told.onTrouble.mock.calls.map(([, reason]) => reason);

/** Where there is no S3 server nothing is tested. */
const served = it.skipIf(isMissing);

served("pullModel() brings each file whole, in pieces, with the checksums and a mark", async () => {
  const { outcome, told } = await pull(place);
  expect(outcome).toBe("pulled");
  await expectWhole();
  expect(requestsOf("sd35.safetensors")).toBe(11);
  const total = [...model.files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  expect(told.onProgress.mock.lastCall).toEqual([total, total]);
  expect(told.onVerified).toHaveBeenCalledTimes(model.files.size);
  const mark: unknown = JSON.parse(await readFile(path.join(dir, MARK_FILE), "utf8"));
  expect(mark).toMatchObject({ url: `s3://${place.bucket}/models/sd35`, bytes: total });
  // The chart's probe looks for this text (templates/_pools.tpl).
  expect(await readFile(path.join(dir, MARK_FILE), "utf8")).toContain(
    `"url": "s3://${place.bucket}/models/sd35"`,
  );
  expect((await stat(path.join(dir, BIG))).mode & 0o777).toBe(0o644);
});

served("pullModel() asks for one small file only when the model is there", async () => {
  await pull(place);
  const before = proxy.requests.length;
  expect((await pull(place)).outcome).toBe("present");
  expect(proxy.requests.slice(before)).toEqual([expect.stringContaining("SHA256SUMS")]);
});

served("pullModel() takes what is there when the source is away, and fails when nothing is", async () => {
  await expect(pull({ ...place, endpoint: "http://127.0.0.1:1" })).rejects.toMatchObject({
    code: "store_unavailable",
  });
  await pull(place);
  const { outcome, told } = await pull({ ...place, endpoint: "http://127.0.0.1:1" });
  expect([outcome, told.onUnchecked.mock.calls.length]).toEqual(["unchecked", 1]);
  await rm(path.join(dir, BIG));
  await expect(pull({ ...place, endpoint: "http://127.0.0.1:1" })).rejects.toMatchObject({
    code: "store_unavailable",
  });
  expect((await pull(place)).outcome).toBe("pulled");
  await expectWhole();
});

served("pullModel() goes on after refusals, cuts and stalls where it stopped", async () => {
  startFaulty([SLOW_DOWN, { kind: "cut-answer" }, { kind: "cut-body" }, { kind: "stall-body" }]);
  const { told } = await pull(place);
  await expectWhole();
  expect(troubles(told)).toHaveLength(4);
});

served(
  "pullModel() gives up when its source brings nothing, keeps what is there, and goes on with it",
  async () => {
    startFaulty([], { afterGets: 5, fault: SLOW_DOWN });
    await expect(pull(place, { connections: 1 })).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await isAbsent(dir)).toBe(true);
    proxy.heal();
    const before = requestsOf("sd35.safetensors");
    await pull(place);
    await expectWhole();
    // Of 11 pieces some 4 lay there.
    expect(requestsOf("sd35.safetensors") - before).toBeLessThan(11);
  },
);

served("pullModel() asks a source that refuses it once", async () => {
  startFaulty([], { afterGets: 3, fault: DENIED });
  await expect(pull(place, { connections: 1 })).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.stringContaining("the credentials may not do this in the URL"),
  });
  expect(requestsOf("sd35.safetensors")).toBeLessThan(5);
});

served(
  "pullModel() refuses a file whose bytes do not give the checksum, and keeps nothing of it",
  async () => {
    startFaulty([{ kind: "wrong-byte" }]);
    await expect(pull(place)).rejects.toMatchObject({ code: "file_invalid", details: { path: BIG } });
    expect(await isAbsent(dir)).toBe(true);
    const before = requestsOf("sd35.safetensors");
    await pull(place);
    await expectWhole();
    expect(requestsOf("sd35.safetensors") - before).toBe(11);
  },
);

served(
  "pullModel() notices a file that changes in mid-pull, and pulls the new one when it is asked again",
  async () => {
    proxy.slow(50);
    const pulling = pull(place, { connections: 1 });
    await expect.poll(() => requestsOf("sd35.safetensors")).toBeGreaterThan(3);
    await model.put(BIG, randomBytes(MODEL_BYTES));
    await expect(pulling).rejects.toMatchObject({ code: "file_invalid", details: { changed: true } });
    proxy.slow(0);
    await pull(place);
    await expectWhole();
  },
);

served("pullModel() fetches a file again whose journal lies", async () => {
  startFaulty([], { afterGets: 6, fault: SLOW_DOWN });
  await expect(pull(place, { connections: 1 })).rejects.toThrow();
  proxy.heal();
  const journals = path.join(cache.dir, ".pulls", "sd35.pull", "parts");
  await writeFile(path.join(journals, "0"), Buffer.alloc(11, 1));
  const { told } = await pull(place);
  await expectWhole();
  expect(troubles(told)).toEqual([expect.stringContaining("another checksum")]);
});

served(
  "pullModel() refuses to replace another model unless it may, and whatever no pull has made",
  async () => {
    await pull(place);
    await model.put("model.json", Buffer.from("{}"));
    await expect(pull(place)).rejects.toMatchObject({
      code: "config_invalid",
      message: expect.stringContaining("--replace"),
    });
    expect((await pull(place, { replace: true })).outcome).toBe("pulled");
    await expectWhole();
    const own = path.join(cache.dir, "own");
    await mkdir(own);
    await writeFile(path.join(own, "precious"), "1");
    await expect(pull(place, { dir: own, replace: true })).rejects.toThrow(
      "no pull has made what lies there",
    );
  },
);

served("pullModel() asks for checksums", async () => {
  await store.delete("models/sd35/SHA256SUMS");
  await expect(pull(place)).rejects.toThrow("farm models sums DIR writes it");
});

served("pullModel() has one of several callers fetch and the others wait for it", async () => {
  proxy.slow(20);
  const pulls = await Promise.all(Array.from({ length: 4 }, () => pull(place)));
  expect(pulls.map(({ outcome }) => outcome).sort()).toEqual(["present", "present", "present", "pulled"]);
  expect(requestsOf("sd35.safetensors")).toBe(11);
  const waits = pulls.flatMap(({ told }) => told.onWait.mock.calls.map(([note]) => note));
  expect(waits.some((note) => note !== undefined && note.doneBytes > 0)).toBe(true);
  await expectWhole();
});

served("pullModel() stops when it is told to, and goes on later", async () => {
  const stop = new AbortController();
  proxy.slow(30);
  const reason = new Error("stopped");
  const pulling = pull(place, { signal: stop.signal, connections: 2 });
  await expect.poll(() => requestsOf("sd35.safetensors")).toBeGreaterThan(4);
  stop.abort(reason);
  await expect(pulling).rejects.toBe(reason);
  const before = requestsOf("sd35.safetensors");
  proxy.slow(0);
  await pull(place);
  await expectWhole();
  expect(requestsOf("sd35.safetensors") - before).toBeLessThan(10);
});

served(
  "pullModel() says beforehand what it needs and what there is, and goes on from a disk that fills up",
  async ({ skip }) => {
    const mount = spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "none", cache.dir]);
    if (mount.status !== 0) return skip("mounting a small disk takes root");
    try {
      await writeFile(path.join(cache.dir, "filler"), Buffer.alloc(8 * 1024 * 1024));
      await expect(pull(place)).rejects.toMatchObject({
        code: "file_unreadable",
        details: { neededBytes: expect.any(Number), freeBytes: expect.any(Number) },
        message: expect.stringContaining("the disk is too small"),
      });
      expect(requestsOf("sd35.safetensors")).toBe(0);
      await rm(path.join(cache.dir, "filler"));
      proxy.slow(50);
      const pulling = pull(place, { connections: 1 });
      await expect.poll(() => requestsOf("sd35.safetensors")).toBeGreaterThan(2);
      await writeFile(path.join(cache.dir, "filler"), Buffer.alloc(24 * 1024 * 1024)).catch(() => undefined);
      await expect(pulling).rejects.toMatchObject({
        code: "file_unreadable",
        message: expect.stringContaining("disk is full"),
      });
      await rm(path.join(cache.dir, "filler"));
      proxy.slow(0);
      await pull(place);
      await expectWhole();
    } finally {
      spawnSync("umount", ["--lazy", cache.dir]);
    }
  },
);

served("pullModel() makes room by models that nobody holds, the longest unused first", async () => {
  const name = (at: string) => path.join(cache.dir, at);
  for (const at of ["old", "held", "recent"]) await pull(place, { dir: name(at) });
  await using _hold = await holdModel(placeOf(name("held")));
  const signal = new AbortController().signal;
  const options = { cacheDir: cache.dir, freeBytes: Number.MAX_SAFE_INTEGER, signal };
  const pruned = async (changes: object) => {
    const names = [];
    for await (const one of pruneModels({ ...options, ...changes })) names.push(one.name);
    return names;
  };
  expect(await pruned({})).toEqual([]);
  expect(await pruned({ recentMs: 0, isDryRun: true })).toEqual(["old", "recent"]);
  expect(await pruned({ recentMs: 0, keep: "recent" })).toEqual(["old"]);
  expect(await Promise.all(["old", "held", "recent"].map((at) => isAbsent(name(at))))).toEqual([
    true,
    false,
    false,
  ]);
  expect(await pruned({ recentMs: 0, freeBytes: 1 })).toEqual([]);
});

served("pullModel() has what it pulled checked again", async () => {
  await pull(place);
  await writeFile(path.join(dir, "tokenizer/vocab.json"), "[]");
  await rm(path.join(dir, "tokenizer/merges.txt"));
  const found = [];
  for await (const file of verifyModel(dir, new AbortController().signal))
    found.push(`${file.path} ${file.outcome}`);
  expect(found).toEqual([
    `${BIG} ok`,
    "text_encoders/clip_l.safetensors ok",
    "tokenizer/vocab.json differs",
    "tokenizer/merges.txt absent",
  ]);
});

/** Has faults hit the pieces of the big file only: the first so many, or all after some. */
function startFaulty(
  faults: readonly Parameters<S3Proxy["fail"]>[1][],
  later?: { readonly afterGets: number; readonly fault: Parameters<S3Proxy["fail"]>[1] },
): void {
  for (const fault of faults) proxy.fail(`GET ${BIG}`, fault);
  if (later === undefined) return;
  proxy.fail(`GET ${BIG}`, undefined, later.afterGets);
  proxy.fail(`GET ${BIG}`, later.fault, Number.MAX_SAFE_INTEGER);
}
