import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJobId, FarmError } from "@latentfarm/contract";
import { createDiskStore, frameKey, type ObjectStore } from "@latentfarm/storage";
import { createLogger } from "@latentfarm/telemetry";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Patience } from "../patient-store.js";
import { RESULT_LABELS } from "../stored-result.js";
import { handIn, handInLeftovers } from "./hand-in.js";
import { holdClaims } from "./hold-claims.js";
import { createPictureSpool, type PictureSpool, type SpooledPicture } from "./picture-spool.js";

const log = createLogger({ name: "worker", level: "silent" });
const AWAY = new FarmError("store_unavailable", "Cannot write");

let root: string;
let store: ObjectStore;
let spool: PictureSpool;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "latentfarm-spool-"));
  store = createDiskStore(join(root, "results"));
  spool = createPictureSpool({ root: join(root, "spool"), log });
});
afterEach(() => rm(root, { recursive: true, force: true }));

function picture(index: number, hash = "h"): SpooledPicture {
  const metadata = { [RESULT_LABELS.paramsHash]: hash, [RESULT_LABELS.attempt]: "1" };
  const info = { contentType: "image/png", metadata, tags: { tenant: "acme" } };
  return { key: `jobs/a/${index}.png`, bytes: Buffer.from(`picture ${index} of ${hash}`), info };
}

/** The store while it is away for the first so many puts, with what each of its puts was given. */
function awayFor(puts: number): ObjectStore & { readonly given: unknown[] } {
  const given: unknown[] = [];
  return {
    ...store,
    given,
    async put(key, bytes, info) {
      if (puts-- > 0) throw AWAY;
      given.push(info);
      await store.put(key, bytes, info);
    },
  };
}

function patience(signal: AbortSignal, onSleep: () => void | Promise<void> = () => undefined): Patience {
  return { signal, log, place: {}, nowMs: () => 0, sleep: async () => onSleep() };
}

describe("handIn()", () => {
  it("keeps the picture on the disk while the store is away, and no longer", async () => {
    const seen: (readonly string[])[] = [];
    const away = awayFor(3);
    const waits = patience(new AbortController().signal, async () => void seen.push(await spool.waiting()));
    await handIn({ store: away, spool }, picture(0), waits);
    expect(seen).toEqual([["jobs/a/0.png"], ["jobs/a/0.png"]]);
    expect(away.given).toEqual([picture(0).info]);
    expect(await spool.fill()).toEqual({ files: 0, bytes: 0, isFull: false });
  });

  it("leaves the picture of an interrupted frame, for the attempt that follows, whole with its labels", async () => {
    const stop = new AbortController();
    const reason = new FarmError("interrupted", "Cannot go on");
    const waits = patience(stop.signal, () => stop.abort(reason));
    await expect(handIn({ store: awayFor(9), spool }, picture(0), waits)).rejects.toBe(reason);
    const next = createPictureSpool({ root: join(root, "spool"), log });
    expect(await next.read("jobs/a/0.png")).toEqual(picture(0));
    expect(await next.find("jobs/a/0.png", "h")).toBeUndefined(); // Its result is none, as the test gave none.
  });

  it("keeps the picture while a store is silent: after a while, and at once when the worker stops", async () => {
    const silent = new Promise<void>(() => undefined);
    const mute = { ...store, put: () => silent };
    const stop = new AbortController();
    void handIn({ store: mute, spool }, picture(0), patience(stop.signal));
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    void handIn({ store: mute, spool }, picture(1), patience(new AbortController().signal));
    vi.advanceTimersByTime(4_999);
    expect(await spool.waiting()).toEqual([]);
    vi.advanceTimersByTime(1);
    vi.useRealTimers();
    stop.abort(new FarmError("interrupted", "Cannot go on"));
    await expect
      .poll(async () => (await spool.waiting()).toSorted())
      .toEqual(["jobs/a/0.png", "jobs/a/1.png"]);
  });

  it("leaves nothing of a canceled frame", async () => {
    const stop = new AbortController();
    const reason = new FarmError("canceled", "Cannot go on");
    const waits = patience(stop.signal, () => stop.abort(reason));
    await expect(handIn({ store: awayFor(9), spool }, picture(0), waits)).rejects.toBe(reason);
    expect(await spool.waiting()).toEqual([]);
  });

  it("goes on without a spool whose disk refuses", async () => {
    await writeFile(join(root, "file"), "a file in the folder's place");
    const broken = createPictureSpool({ root: join(root, "file"), log });
    await handIn({ store: awayFor(2), spool: broken }, picture(0), patience(new AbortController().signal));
    expect(await store.head("jobs/a/0.png")).toBeDefined();
  });
});

describe("handInLeftovers()", () => {
  it("hands in what a worker has left, but no picture that another has stored meanwhile", async () => {
    for (const index of [0, 1]) await spool.keep(picture(index));
    const other = { ...picture(1), bytes: Buffer.from("of another worker") };
    await store.put(other.key, other.bytes, other.info);
    const stop = new AbortController();
    const running = handInLeftovers({ store, spool }, patience(stop.signal));
    await expect.poll(async () => spool.waiting()).toEqual([]);
    stop.abort();
    await running;
    expect((await store.get("jobs/a/0.png"))?.bytes.toString()).toBe("picture 0 of h");
    expect((await store.get("jobs/a/1.png"))?.bytes.toString()).toBe("of another worker");
  });

  it("names the job of each picture, whether it is handed in or waits on", async () => {
    const jobId = createJobId({ nowMs: 0, random: new Uint8Array(10) });
    const key = frameKey(jobId, 0, "png");
    const lines: string[] = [];
    const own = createLogger({
      name: "w",
      level: "info",
      destination: { write: (line) => void lines.push(line) },
    });
    for (const puts of [1, 0]) {
      await spool.keep({ ...picture(0), key });
      const stop = new AbortController();
      const waits = { ...patience(stop.signal), log: own };
      const running = handInLeftovers({ store: awayFor(puts), spool }, waits);
      await expect.poll(() => lines.length).toBe(2 - puts);
      stop.abort();
      await running;
    }
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: "picture of the spool waits on", jobId, key },
      { msg: "picture of the spool is in the store", jobId, key },
    ]);
  });
});

describe("holdClaims()", () => {
  it("takes no frames while the spool is full, says why, and takes them again", async () => {
    const small = createPictureSpool({
      root: join(root, "spool"),
      log,
      limits: { bytesMax: 1_000, filesMax: 2 },
    });
    const calls: string[] = [];
    const consumer = {
      hold: async () => void calls.push("hold"),
      resume: async () => void calls.push("resume"),
    };
    using hold = holdClaims({ spool: small, log }, consumer);
    await hold.look();
    expect([hold.reason, hold.isHeld]).toEqual([null, false]);
    expect(await small.keep(picture(0))).toBe(true);
    await hold.look();
    expect([hold.reason, hold.isHeld]).toEqual(["its store is away: 1 pictures wait on its disk", false]);
    expect(await small.keep(picture(1))).toBe(true);
    expect(await small.keep(picture(2))).toBe(false);
    await hold.look();
    expect(hold.reason).toBe("its store is away: 2 pictures wait on its disk, which is all that it keeps");
    await small.drop("jobs/a/0.png");
    await hold.look();
    await hold.look();
    expect(calls).toEqual(["hold", "resume"]);
  });

  it("counts bytes too", async () => {
    const small = createPictureSpool({
      root: join(root, "spool"),
      log,
      limits: { bytesMax: 10, filesMax: 9 },
    });
    expect(await small.keep(picture(0))).toBe(true);
    expect(await small.fill()).toMatchObject({ files: 1, isFull: true });
  });
});
