import { spawnSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { createDiskStore, readSidecar, writeSidecar } from "@latentfarm/storage";
import { afterEach, expect, it } from "vitest";
import { getJob, REPOSITORY_ROOT, runJob, startTestFarm, type TestFarm } from "../harness/index.js";

const JOB = { prompt: "a yellow sun", seed: 7, steps: 2, width: 64, height: 64 };
const HOUR_MS = 3_600_000;

let farm: TestFarm | undefined;
afterEach(async () => {
  await farm?.[Symbol.asyncDispose]();
});

it("./farm history lists ended jobs, and ./farm gc removes those of long ago, folder and all", async () => {
  farm = await startTestFarm();
  const on = farm;
  const [old, fresh] = [await runJob(on.url, JOB), await runJob(on.url, JOB)];
  const results = path.join(on.dataDir, "results");
  const store = createDiskStore(results);
  await expect.poll(() => readSidecar(store, fresh.id), { timeout: 10_000 }).toBeDefined();
  const job = await readSidecar(store, old.id);
  if (job === undefined) throw new Error("the job has no sidecar");
  await writeSidecar(store, { ...job, finished_at: new Date(Date.now() - 3 * HOUR_MS).toISOString() });
  const command = (...args: string[]) => {
    const main = path.join(REPOSITORY_ROOT, "apps/cli/dist/main.js");
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, FARM_REDIS_URL: on.redis.url, FARM_DATA: on.dataDir };
    const call = spawnSync(process.execPath, [main, ...args], {
      env,
      encoding: "utf8",
      timeout: 20_000,
    });
    return { status: call.status, text: call.stdout + call.stderr };
  };
  const gc = (...args: string[]) => command("gc", ...args);
  expect(gc()).toMatchObject({ status: 2, text: expect.stringContaining("--older-than") });
  const history = command("history", "--tenant", "default").text.split("\n");
  expect(history[0]).toMatch(new RegExp(`^${fresh.id}  default  succeeded  .*  1 of 1 pictures$`));
  expect(JSON.parse(command("history", "--json").text.split("\n")[1] ?? "")).toMatchObject({ id: old.id });
  expect(command("history", "--tenant", "other").text).toBe("");
  expect(gc("--older-than", "4h").text).toContain("0 jobs removed");
  expect(gc("--older-than", "2h", "--dry-run").text).toMatch(
    /^job_\w+ {2}default {2}ended .*\n1 jobs would be removed/,
  );
  expect(gc("--older-than", "2h", "--tenant", "default=4h").text).toContain("0 jobs removed");
  expect(gc("--tenant", "default=2h").text).toContain("1 jobs removed");
  expect(await readdir(path.join(results, "jobs"))).toEqual([fresh.id]);
  expect((await getJob(on.url, fresh.id)).status).toBe("succeeded");
  expect((await fetch(`${on.url}/v1/jobs/${old.id}/frames/0`)).status).toBe(404);
}, 60_000);
