import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { getJob, readEvents, startTestFarm, submit } from "../harness/index.js";

/** A disk that a picture and the farm's own files fit on. */
const DISK_BYTES = 4 * 1024 * 1024;
const JOB = { prompt: "a yellow sun", seed: 1, steps: 3, width: 64, height: 64 };

const mounted: string[] = [];

afterEach(() => {
  for (const folder of mounted.splice(0)) spawnSync("umount", ["--lazy", folder]);
});

/** Puts a small disk of its own at a folder; false where this user may not. */
function mountDisk(folder: string): boolean {
  const mount = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "none", folder]);
  if (mount.status !== 0) return false;
  mounted.push(folder);
  return true;
}

it("a full disk holds a job up and does not fail it", async ({ skip }) => {
  const dataDir = await mkdtemp(path.join(tmpdir(), "latentfarm-full-"));
  const results = path.join(dataDir, "results");
  await mkdir(results);
  if (!mountDisk(results))
    return skip("mounting a small disk takes root; test/chaos/storm injects ENOSPC instead");
  await using farm = await startTestFarm({ env: { FARM_DATA: dataDir } });
  const filler = path.join(results, "filler");
  await expect(writeFile(filler, Buffer.alloc(2 * DISK_BYTES))).rejects.toMatchObject({ code: "ENOSPC" });
  const job = await submit(farm.url, JOB);
  const isDrawn = async () => (await getJob(farm.url, job.id)).progress.step === JOB.steps;
  await expect.poll(isDrawn, { timeout: 20_000 }).toBe(true);
  expect((await getJob(farm.url, job.id)).status).toBe("running");
  await rm(filler);
  await readEvents(job, { farmUrl: farm.url });
  expect(await getJob(farm.url, job.id)).toMatchObject({ status: "succeeded", frames: [{ attempt: 1 }] });
  expect((await fetch(`${farm.url}/v1/jobs/${job.id}/frames/0`)).status).toBe(200);
});
