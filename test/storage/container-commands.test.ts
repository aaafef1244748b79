import { spawnSync } from "node:child_process";
import { chmod, cp, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { REPOSITORY_ROOT, runJob, S3_CREDENTIALS, startTestFarm, type TestFarm } from "../harness/index.js";
import { useBuckets } from "./buckets.js";
import { newCache } from "./model-bucket.js";

const { isMissing, server, newBucket } = useBuckets();

const JOB = { prompt: "a yellow sun", seed: 7, steps: 2, width: 64, height: 64 };
const MAIN = path.join(REPOSITORY_ROOT, "apps/cli/dist/main.js");
/** A user that owns nothing and has no name where images have none, so that it can write nowhere but in /tmp. */
const NOBODY = 65_534;

let farm: TestFarm | undefined;
afterEach(async () => {
  await farm?.[Symbol.asyncDispose]();
  farm = undefined;
});

/** The user of a container, where this one may become it and it may read the program. */
function containerUser(): { readonly uid: number; readonly gid: number } | undefined {
  const user = { uid: NOBODY, gid: NOBODY };
  const reads = spawnSync(process.execPath, ["-e", `fs.accessSync(${JSON.stringify(MAIN)})`], user);
  return reads.status === 0 ? user : undefined;
}

/** Runs a command as a container of the chart does: no HOME, no git, no `.farm`, no path to search, the root folder. */
function inContainer(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const call = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: "/",
    env: { ...env },
    encoding: "utf8",
    timeout: 30_000,
    ...containerUser(),
  });
  // The SDK's word on the version of Node.
  const err = call.stderr.split("\n").filter((line) => line.startsWith("Cannot") || line.includes("Error"));
  return { status: call.status, out: call.stdout, err: err.join("\n") };
}

it.skipIf(isMissing)(
  "keys, history and gc need FARM_REDIS_URL and the store, and nothing of a machine",
  async () => {
    const { bucket } = await newBucket();
    const store = {
      ...S3_CREDENTIALS,
      FARM_STORE: "s3",
      FARM_S3_BUCKET: bucket,
      FARM_S3_ENDPOINT: server().endpoint,
      FARM_S3_PATH_STYLE: "1",
    };
    farm = await startTestFarm({ env: store });
    const { url, redis } = farm;
    const own = { FARM_REDIS_URL: redis.url };
    const job = await runJob(url, JOB);
    await expect
      .poll(() => inContainer(store, "history").out, { timeout: 20_000, interval: 500 })
      .toContain(`${job.id}  default  succeeded`);
    expect(inContainer({ ...own, ...store }, "gc", "--older-than", "1h", "--dry-run")).toEqual({
      status: 0,
      out: "0 jobs would be removed, 0 B\n",
      err: "",
    });
    const made = inContainer(own, "keys", "create", "--tenant", "acme", "--rate", "60/min");
    expect(made).toMatchObject({ status: 0, err: "", out: expect.stringMatching(/^lf_\w{12}_\w{40}\n$/) });
    const authorization = `Bearer ${made.out.trim()}`;
    await expect.poll(async () => (await fetch(`${url}/v1/jobs`)).status, { timeout: 10_000 }).toBe(401);
    expect((await fetch(`${url}/v1/jobs`, { headers: { authorization } })).status).toBe(200);
    const id = made.out.slice(3, 15);
    expect(inContainer(own, "keys", "list")).toMatchObject({ status: 0, out: expect.stringContaining(id) });
    expect(inContainer(own, "keys", "revoke", id)).toMatchObject({ status: 0, err: "" });
    // What it says without: which setting is absent, and no stack.
    expect(inContainer({}, "keys", "list")).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^Cannot reach the farm: .*FARM_REDIS_URL is not set$/),
    });
  },
  120_000,
);

it.skipIf(isMissing)(
  "models pull brings a model that a worker draws with, for a user that owns nothing",
  async () => {
    const { bucket } = await newBucket();
    const uploaded = path.join(server().folderOf(bucket), "demo");
    await cp(path.join(REPOSITORY_ROOT, "packages/demo-model/model"), uploaded, { recursive: true });
    const user = {
      ...S3_CREDENTIALS,
      FARM_MODELS_S3_ENDPOINT: server().endpoint,
      FARM_MODELS_S3_PATH_STYLE: "1",
    };
    await using cache = await newCache();
    await chmod(cache.dir, 0o777);
    const dir = path.join(cache.dir, "demo");
    expect(inContainer(user, "models", "pull", `s3://${bucket}/demo`, dir)).toMatchObject({
      status: 1,
      err: expect.stringContaining("farm models sums DIR writes it"),
    });
    expect(spawnSync(process.execPath, [MAIN, "models", "sums", uploaded]).status).toBe(0);
    expect(inContainer(user, "models", "pull", `s3://${bucket}/demo`, dir)).toMatchObject({
      status: 0,
      out: `${dir}\n`,
    });
    expect(inContainer({}, "models", "verify", dir)).toMatchObject({
      status: 0,
      out: expect.stringMatching(/files give their checksums\n$/),
    });
    expect((await stat(dir)).uid).toBe(containerUser()?.uid ?? process.getuid?.());
    farm = await startTestFarm({ env: { FARM_MODEL: dir } });
    expect((await runJob(farm.url, JOB)).status).toBe("succeeded");
    await writeFile(path.join(dir, "model.json"), "{}");
    expect(inContainer({}, "models", "verify", dir)).toMatchObject({
      status: 1,
      out: expect.stringContaining("model.json: differs"),
    });
  },
  120_000,
);
