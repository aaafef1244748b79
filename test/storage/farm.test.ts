import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { createJobId } from "@latentfarm/contract";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { DocumentedAnswers } from "../e2e/documented-answers.js";
import {
  decodePng,
  fetchFrame,
  getJob,
  REPOSITORY_ROOT,
  readEvents,
  runJob,
  S3_CREDENTIALS,
  startTestFarm,
  submit,
  type TestFarm,
} from "../harness/index.js";
import { useBuckets } from "./buckets.js";
import { type S3Proxy, startS3Proxy } from "./s3-proxy.js";

const { isMissing, server, newBucket } = useBuckets();

const JOB = { prompt: "a yellow sun", seed: 7, steps: 4, width: 64, height: 64 };
/** Starts, an outage and its end on two cores that other suites may share. */
const TIMEOUT_MS = 90_000;
const FRAME = "/v1/jobs/{id}/frames/{index}";

let farm: TestFarm | undefined;
let proxy: S3Proxy | undefined;

afterEach(async () => {
  await farm?.[Symbol.asyncDispose]();
  await proxy?.[Symbol.asyncDispose]();
  [farm, proxy] = [undefined, undefined];
});

function bucketEnv(bucket: string, endpoint: string): Readonly<Record<string, string>> {
  return {
    ...S3_CREDENTIALS,
    FARM_STORE: "s3",
    FARM_S3_BUCKET: bucket,
    FARM_S3_ENDPOINT: endpoint,
    FARM_S3_PATH_STYLE: "1",
    FARM_S3_PREFIX: "farm",
    FARM_S3_PRESIGN_SECONDS: "600",
  };
}

/** A farm whose pictures go into a fresh bucket. */
async function startBucketFarm(options: { endpoint?: string; workers?: number } = {}) {
  const { bucket } = await newBucket();
  const env = bucketEnv(bucket, options.endpoint ?? server().endpoint);
  farm = await startTestFarm({ env, workers: options.workers ?? 1 });
  return { on: farm, bucket };
}

/** How often each sentence stands in the workers' logs. */
async function sentences(on: TestFarm, sentence: string): Promise<number> {
  const logs = path.join(on.dataDir, "logs");
  const names = (await readdir(logs)).filter((name) => name.startsWith("worker"));
  const texts = await Promise.all(names.map((name) => readFile(path.join(logs, name), "utf8")));
  return texts.join("").split(`"${sentence}"`).length - 1;
}

describe.skipIf(isMissing)("a farm on a bucket", () => {
  it(
    "hands pictures out by a redirect, and knows them when Redis has forgotten all",
    async () => {
      const { on, bucket } = await startBucketFarm();
      const job = await runJob(on.url, JOB);
      expect(job.status).toBe("succeeded");
      const answers = await DocumentedAnswers.of(on.url);
      const frame = `/v1/jobs/${job.id}/frames/0`;
      const redirect = await answers.call({ path: frame, template: FRAME, expected: 302 });
      const url = new URL(String(redirect.headers.get("location")));
      expect([url.host, url.pathname]).toEqual([
        `127.0.0.1:${server().port}`,
        `/${bucket}/farm/jobs/${job.id}/0.png`,
      ]);
      const leftMs = Date.parse(String(redirect.headers.get("expires"))) - Date.now();
      expect(leftMs).toBeGreaterThan(500_000);
      expect(leftMs).toBeLessThanOrEqual(600_000);
      expect(decodePng(await fetchFrame(on.url, job))).toMatchObject({ width: 64, height: 64 });
      const redis = new Redis(on.redis.url);
      await redis.flushall();
      redis.disconnect();
      expect(await getJob(on.url, job.id)).toMatchObject({
        status: "succeeded",
        frames: [{ sha256: job.frames[0]?.sha256 }],
      });
      expect((await fetchFrame(on.url, job)).length).toBe(job.frames[0]?.bytes);
      const unknown = createJobId({ nowMs: 0, random: new Uint8Array(10) });
      expect((await fetch(`${on.url}/v1/jobs/${unknown}/frames/0`)).status).toBe(404);
      const log = await readFile(path.join(on.dataDir, "logs", "gateway.log"), "utf8");
      expect(log).not.toContain("X-Amz-Signature");
    },
    TIMEOUT_MS,
  );
});

describe.skipIf(isMissing)("./farm render", () => {
  it(
    "draws into a bucket, and fetches the picture from there",
    async () => {
      const { bucket } = await newBucket();
      const dir = await mkdtemp(path.join(tmpdir(), "latentfarm-render-"));
      const args = [
        "render",
        JOB.prompt,
        "--steps",
        "2",
        "--size",
        "64x64",
        "-o",
        "sun.png",
        "--data",
        "data",
      ];
      const { PATH, HOME } = process.env;
      const env = { PATH, HOME, ...bucketEnv(bucket, server().endpoint) };
      await promisify(execFile)(path.join(REPOSITORY_ROOT, "farm"), args, {
        cwd: dir,
        env,
        timeout: TIMEOUT_MS,
      });
      expect(decodePng(await readFile(path.join(dir, "sun.png")))).toMatchObject({ width: 64, height: 64 });
      const jobs = await readdir(path.join(server().folderOf(bucket), "farm", "jobs"));
      expect(jobs).toHaveLength(1);
      await rm(dir, { recursive: true, force: true });
    },
    TIMEOUT_MS,
  );
});

describe.skipIf(isMissing)("a farm on a bucket that fails", () => {
  it(
    "draws each frame once while puts arrive and are said to have failed",
    async () => {
      proxy = await startS3Proxy(server().port);
      const { on } = await startBucketFarm({ endpoint: proxy.endpoint });
      proxy.fail("PUT", { kind: "cut-answer" }, 12);
      const job = await runJob(on.url, { ...JOB, num_images: 3 });
      expect(job).toMatchObject({
        status: "succeeded",
        frames: [{ attempt: 1 }, { attempt: 1 }, { attempt: 1 }],
      });
      expect(await sentences(on, "frame finished")).toBe(3);
      expect(await sentences(on, "store is away, picture waits on this disk")).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  it(
    "loses nothing and draws nothing twice when the store is away and the worker dies",
    async () => {
      const { on } = await startBucketFarm();
      await server().kill();
      const job = await submit(on.url, JOB);
      const waits = () => sentences(on, "store is away, picture waits on this disk");
      await expect.poll(waits, { timeout: 40_000, interval: 300 }).toBe(1);
      expect((await getJob(on.url, job.id)).status).toBe("running");
      on.workers[0]?.child.kill("SIGKILL");
      await on.workers[0]?.exited;
      await server().restart();
      await on.startWorker();
      await readEvents(job, { farmUrl: on.url });
      const ended = await getJob(on.url, job.id);
      expect(ended).toMatchObject({ status: "succeeded", frames: [{ attempt: 2, worker: "test-0" }] });
      expect((await fetchFrame(on.url, ended)).length).toBe(ended.frames[0]?.bytes);
      expect(await sentences(on, "frame finished")).toBe(0);
      await expect.poll(() => readdir(path.join(on.dataDir, "spool", "pictures"))).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
