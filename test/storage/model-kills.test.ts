import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createS3Store } from "@latentfarm/storage/s3";
import { afterEach, beforeEach, expect, it } from "vitest";
import { REPOSITORY_ROOT, S3_CREDENTIALS } from "../harness/index.js";
import { TEST_LIMITS, useBuckets } from "./buckets.js";
import { type BucketModel, modelUrl, newCache, putModel } from "./model-bucket.js";
import { type S3Proxy, startS3Proxy } from "./s3-proxy.js";

const { isMissing, server, newBucket } = useBuckets();

const MIB = 1024 * 1024;
const PART_MIB = 5;
const PARTS = 8;
const CONNECTIONS = 2;
/** Milliseconds that each answer is held back, so that a pull lasts longer than the start of its process. */
const SLOW_MS = 100;
/** Reads that the SDK may make twice when a loaded machine resets a connection. */
const REPEATS_MAX = 4;
const BIG = "checkpoints/sd35.safetensors";
/** A holder that is killed counts as dead after 10 s; a start and the rest of the pull come on top. */
const TAKEOVER_MS_MAX = 30_000;

let proxy: S3Proxy;
let model: BucketModel;
let cache: Awaited<ReturnType<typeof newCache>>;
let bucket: string;
let dir: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  if (isMissing) return;
  const settings = await newBucket();
  bucket = settings.bucket;
  proxy = await startS3Proxy(server().port);
  model = await putModel(createS3Store(settings, { limits: TEST_LIMITS }), PARTS * PART_MIB * MIB - 3);
  cache = await newCache();
  dir = path.join(cache.dir, "sd35");
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  await proxy?.[Symbol.asyncDispose]();
  await cache?.[Symbol.asyncDispose]();
});

interface Puller {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  /** Its log so far. */
  log(): string;
}

/** Puts a program into process ids of its own, as a container does; nothing where this user may not. */
const UNSHARE = ["unshare", "--pid", "--fork", "--kill-child"];
const CONTAINED = spawnSync("unshare", [...UNSHARE.slice(1), "true"]).status === 0 ? UNSHARE : [];

/** A pull of its own, with nothing in its environment but what a container has: no HOME, no farm. */
function startPull(flags: readonly string[] = [], prefix: readonly string[] = []): Puller {
  const main = path.join(REPOSITORY_ROOT, "apps", "cli", "dist", "main.js");
  const numbers = ["--part-mib", String(PART_MIB), "--connections", String(CONNECTIONS)];
  const command = [main, "models", "pull", modelUrl(bucket), dir, ...numbers, ...flags];
  const [program = "", ...args] = [...prefix, process.execPath, ...command];
  const child = spawn(program, args, {
    cwd: "/",
    env: {
      PATH: process.env.PATH ?? "",
      ...S3_CREDENTIALS,
      FARM_MODELS_S3_ENDPOINT: proxy.endpoint,
      FARM_MODELS_S3_PATH_STYLE: "1",
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  started.push(child);
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const exited = once(child, "exit").then(() => child.exitCode);
  return { child, exited, log: () => text };
}

async function expectWhole(): Promise<void> {
  for (const [name, bytes] of model.files) {
    expect(Buffer.compare(await readFile(path.join(dir, name)), bytes)).toBe(0);
  }
}

const bigReads = (): number =>
  proxy.requests.filter((line) => line.startsWith(`GET`) && line.includes(BIG)).length;

const isThere = (): Promise<boolean> =>
  stat(dir).then(
    () => true,
    () => false,
  );

/** Where there is no S3 server nothing is tested. */
const served = it.skipIf(isMissing);

served(
  "farm models pull goes on after being killed at any moment, shows no half model, and fetches little twice",
  async () => {
    proxy.slow(SLOW_MS);
    let kills = 0;
    for (;;) {
      const before = bigReads();
      const { child, exited } = startPull();
      // Somewhere between its first byte and its end.
      const isOver = exited.then(() => true);
      while (bigReads() === before && !(await Promise.race([isOver, delay(5, false)])));
      if (!(await Promise.race([isOver, delay(Math.random() * 4 * SLOW_MS, false)]))) {
        child.kill("SIGKILL");
        kills++;
      }
      if ((await exited) === 0) break;
      expect(child.signalCode).toBe("SIGKILL");
      // Either all of it or nothing.
      if (await isThere()) await expectWhole();
    }
    await expectWhole();
    expect(kills).toBeGreaterThan(0);
    expect(bigReads()).toBeLessThanOrEqual(PARTS + kills * CONNECTIONS + REPEATS_MAX);
  },
  120_000,
);

served(
  "farm models pull has another of three processes take over within seconds when the one that fetches is killed",
  async () => {
    proxy.slow(2 * SLOW_MS);
    const pullers = Array.from({ length: 3 }, () => startPull([], CONTAINED));
    const fetcher = () => pullers.find(({ log }) => log().includes('"model is pulled"'));
    await expect.poll(() => fetcher() !== undefined && bigReads() > 2, { timeout: 10_000 }).toBe(true);
    const victim = fetcher();
    const others = pullers.filter((puller) => puller !== victim);
    await expect.poll(() => others.every(({ log }) => log().includes("another process pulls"))).toBe(true);
    victim?.child.kill("SIGKILL");
    const killedMs = performance.now();
    expect(await Promise.all(others.map(({ exited }) => exited))).toEqual([0, 0]);
    expect(performance.now() - killedMs).toBeLessThan(TAKEOVER_MS_MAX);
    await expectWhole();
    expect(bigReads()).toBeLessThanOrEqual(PARTS + CONNECTIONS + REPEATS_MAX);
  },
  60_000,
);

served(
  "farm models pull stops at SIGTERM with its own exit code, goes on later, and outlives a torn journal",
  async () => {
    proxy.slow(SLOW_MS);
    const first = startPull();
    const journal = path.join(cache.dir, ".pulls", "sd35.pull", "parts", "0");
    const noted = async () =>
      (await readFile(journal).catch(() => Buffer.alloc(0))).filter((byte) => byte === 1);
    await expect.poll(async () => (await noted()).length, { timeout: 10_000 }).toBeGreaterThan(2);
    first.child.kill("SIGTERM");
    expect(await first.exited).toBe(130);
    expect(await isThere()).toBe(false);
    expect((await noted()).length).toBeGreaterThan(2);
    // A write that never came to its end: a shorter file with noise at its end.
    await truncate(journal, 3);
    await writeFile(journal, Uint8Array.of(0xff), { flag: "a" });
    const before = bigReads();
    expect(await startPull().exited).toBe(0);
    await expectWhole();
    expect(bigReads() - before).toBeLessThan(PARTS);
  },
  30_000,
);

served(
  "farm models pull holds the model until SIGTERM, and says in JSON what it does",
  async () => {
    const holder = startPull(["--hold"]);
    await expect.poll(holder.log, { timeout: 10_000 }).toContain("model is held");
    const lines: unknown[] = holder
      .log()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
    expect(lines).toContainEqual(expect.objectContaining({ msg: "model is there: pulled", model: "sd35" }));
    holder.child.kill("SIGTERM");
    expect(await holder.exited).toBe(0);
  },
  30_000,
);
